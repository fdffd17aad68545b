import { useState, type ReactElement, type ReactNode } from 'react';
import { Dialog as AriaDialog, DialogTrigger, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { Button } from './button.tsx';
import { TextInput } from './fields.tsx';
import { Failure } from './states.tsx';

type DialogProps = {
  /** The button that opens it. */
  trigger: ReactElement;
  title: string;
  children: (close: () => void) => ReactNode;
  /** A sheet at the side, for what is long. */
  isSheet?: boolean;
  /** A question, which is answered by its own buttons. */
  isQuestion?: boolean;
};

export function Dialog({ trigger, title, children, isSheet, isQuestion }: DialogProps) {
  return (
    <DialogTrigger>
      {trigger}
      <ModalOverlay className="overlay" isDismissable>
        <Modal className={isSheet ? 'sheet' : 'modal'}>
          <AriaDialog className="dialog">
            {({ close }) => (
              <>
                <div className="dialog-head">
                  <Heading slot="title" className="dialog-title">
                    {title}
                  </Heading>
                  {!isQuestion && (
                    <Button kind="quiet" onPress={close}>
                      Close
                    </Button>
                  )}
                </div>
                {children(close)}
              </>
            )}
          </AriaDialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}

type ConfirmProps = {
  trigger: ReactElement;
  title: string;
  children: ReactNode;
  /** What has to be typed. */
  typed?: string;
  action: string;
  onConfirm: () => Promise<unknown>;
};

/** Asks before something that can't be taken back. */
export function Confirm({ trigger, title, children, typed, action, onConfirm }: ConfirmProps) {
  return (
    <Dialog trigger={trigger} title={title} isQuestion>
      {(close) => (
        <ConfirmForm typed={typed} action={action} onConfirm={onConfirm} close={close}>
          {children}
        </ConfirmForm>
      )}
    </Dialog>
  );
}

function ConfirmForm({
  children,
  typed,
  action,
  onConfirm,
  close,
}: {
  children: ReactNode;
  typed: string | undefined;
  action: string;
  onConfirm: () => Promise<unknown>;
  close: () => void;
}) {
  const [text, setText] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const isMeant = typed === undefined || text === typed;
  const confirm = async () => {
    setBusy(true);
    try {
      await onConfirm();
      close();
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (isMeant && !isBusy) void confirm();
      }}
    >
      {children}
      {typed !== undefined && (
        <TextInput
          autoFocus
          label={`Type ${typed} to confirm`}
          value={text}
          onChange={setText}
          autoComplete="off"
        />
      )}
      {error !== undefined && <Failure error={error} />}
      <div className="row end">
        <Button onPress={close}>Cancel</Button>
        <Button kind="danger" type="submit" isDisabled={!isMeant} isPending={isBusy}>
          {action}
        </Button>
      </div>
    </form>
  );
}

import { useEffect, useRef, useState, type ReactElement, type ReactNode } from 'react';
import { Dialog as AriaDialog, DialogTrigger, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { asProblem } from '../api/problem.ts';
import { Button } from './button.tsx';
import { TextInput } from './fields.tsx';
import { tell } from './notice.tsx';
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
  /** Whether it stays open whatever is pressed: what it has begun can't be stopped. */
  isHeld?: boolean;
};

export function Dialog({ trigger, title, children, isSheet, isQuestion, isHeld = false }: DialogProps) {
  return (
    <DialogTrigger>
      {trigger}
      <ModalOverlay className="overlay" isDismissable={!isHeld} isKeyboardDismissDisabled={isHeld}>
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

/** Asks before something that can't be taken back. While that is done it stays, and says if it fails. */
export function Confirm({ trigger, title, children, typed, action, onConfirm }: ConfirmProps) {
  const [isBusy, setBusy] = useState(false);
  return (
    <Dialog trigger={trigger} title={title} isQuestion isHeld={isBusy}>
      {(close) => (
        <ConfirmForm
          title={title}
          typed={typed}
          action={action}
          onConfirm={onConfirm}
          close={close}
          isBusy={isBusy}
          setBusy={setBusy}
        >
          {children}
        </ConfirmForm>
      )}
    </Dialog>
  );
}

type ConfirmFormProps = Omit<ConfirmProps, 'trigger' | 'typed'> & {
  typed: string | undefined;
  close: () => void;
  isBusy: boolean;
  setBusy: (isBusy: boolean) => void;
};

function ConfirmForm(props: ConfirmFormProps) {
  const { title, children, typed, action, onConfirm, close, isBusy, setBusy } = props;
  const [text, setText] = useState('');
  const [error, setError] = useState<unknown>();
  const isShown = useIsShown();
  const isMeant = typed === undefined || text === typed;
  const confirm = async () => {
    setBusy(true);
    try {
      await onConfirm();
      close();
    } catch (thrown) {
      setError(thrown);
      // Whoever has gone to another page reads it there.
      if (!isShown()) tell(`${title}: that has failed. ${asProblem(thrown).detail}`);
    } finally {
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
        <Button onPress={close} isDisabled={isBusy}>
          Cancel
        </Button>
        <Button kind="danger" type="submit" isDisabled={!isMeant} isPending={isBusy}>
          {action}
        </Button>
      </div>
    </form>
  );
}

/** Tells whether this still stands in the page. */
function useIsShown(): () => boolean {
  const isShown = useRef(false);
  useEffect(() => {
    isShown.current = true;
    return () => {
      isShown.current = false;
    };
  }, []);
  return () => isShown.current;
}

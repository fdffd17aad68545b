import { Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { Button } from './button.tsx';
import { useLeaving } from './unsaved.ts';

/** Asks whether a page is to be left with changes that are not saved. */
export function UnsavedQuestion() {
  const asked = useLeaving();
  return (
    <ModalOverlay
      className="overlay"
      isDismissable
      isOpen={asked !== undefined}
      onOpenChange={(isOpen) => {
        if (!isOpen) asked?.stay();
      }}
    >
      <Modal className="modal">
        <Dialog className="dialog" role="alertdialog">
          <div className="dialog-head">
            <Heading slot="title" className="dialog-title">
              Leave without saving?
            </Heading>
          </div>
          <div className="stack">
            <p>What was changed on this page is not saved. Whoever leaves it loses that.</p>
            <div className="row end">
              <Button autoFocus onPress={() => asked?.stay()}>
                Stay
              </Button>
              <Button kind="danger" onPress={() => asked?.leave()}>
                Leave
              </Button>
            </div>
          </div>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

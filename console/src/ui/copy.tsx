import { useState } from 'react';
import { Button } from './button.tsx';

/** A text that is to be taken elsewhere. Browsers copy for pages that came by https or from this machine. */
export function Copyable({ text, label }: { text: string; label: string }) {
  const [isCopied, setCopied] = useState(false);
  return (
    <div className="copyable">
      <code aria-label={label}>{text}</code>
      {isSecureContext && (
        <Button
          onPress={() => {
            void navigator.clipboard.writeText(text).then(() => setCopied(true));
          }}
        >
          {isCopied ? 'Copied' : 'Copy'}
        </Button>
      )}
    </div>
  );
}

import { useState } from 'react';
import { Button } from './button.tsx';
import { tell } from './notice.tsx';

/** A text that is to be taken elsewhere. Browsers copy for pages that came by https or from this machine. */
export function Copyable({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState<string>();
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(text);
      tell('Copied.');
    } catch {
      tell('The browser does not let this page copy: select the text, and copy it yourself.');
    }
  };
  return (
    <div className="copyable" role="group" aria-label={label}>
      <code>{text}</code>
      {isSecureContext && <Button onPress={() => void copy()}>{copied === text ? 'Copied' : 'Copy'}</Button>}
    </div>
  );
}

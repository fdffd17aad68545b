import type { Schemas } from '../api/client.ts';

/** A prompt as the model is sent it. */
export function Prompt({ messages }: { messages: Schemas['Preview']['prompt'] }) {
  return (
    <ol className="prompt">
      {messages.map(({ role, content }, index) => (
        <li key={index}>
          <p className="prompt-role">{role}</p>
          <pre>{content}</pre>
        </li>
      ))}
    </ol>
  );
}

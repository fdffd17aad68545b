import type { Schemas } from '../api/client.ts';

/** What was said, message by message. `names` are of who speaks, for whoever can't see the sides. */
export function Said({
  messages,
  names,
  className,
}: {
  messages: Schemas['Memory']['window'];
  names: { user: string; assistant: string };
  className?: string;
}) {
  return (
    <ol {...(className !== undefined && { className })}>
      {messages.map(({ role, content }, index) => (
        <li key={index} className={`bubble ${role}`}>
          <span className="hidden">{names[role]}: </span>
          {content}
        </li>
      ))}
    </ol>
  );
}

import { useAgentNames } from '../api/agents.ts';
import { Choice } from './fields.tsx';

/** Chooses one of the agents. `all` adds the choice of none in particular, which is ''. */
export function AgentChoice({
  value,
  onChange,
  label = 'Agent',
  all,
}: {
  value: string | null;
  onChange: (agentId: string) => void;
  label?: string;
  all?: string;
}) {
  const agents = useAgentNames();
  const options = (agents.data ?? []).map(({ id, name, jobTitle }) => ({
    id,
    name,
    ...(jobTitle && { note: jobTitle }),
  }));
  return (
    <Choice
      label={label}
      value={value}
      onChange={onChange}
      options={all === undefined ? options : [{ id: '', name: all }, ...options]}
    />
  );
}

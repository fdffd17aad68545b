import { userIdProblem } from '../paths.ts';
import { TextInput } from './fields.tsx';

/** Takes the id of a user whose page is to be opened. */
export function UserIdInput(props: { label: string; value: string; onChange: (userId: string) => void }) {
  return <TextInput {...props} validate={userIdProblem} placeholder="ada" autoComplete="off" isRequired />;
}

import { useMemo, useState } from 'react';
import { api } from '../api/client.ts';
import { asProblem } from '../api/problem.ts';
import { Button } from '../ui/button.tsx';
import { TextInput } from '../ui/fields.tsx';
import { Form } from '../ui/form.tsx';
import { Mark } from '../ui/icons.tsx';
import { useInPlaceOfPages } from '../ui/page.tsx';
import { enter } from './session.ts';

export function SignIn() {
  useInPlaceOfPages();
  const [token, setToken] = useState('');
  const signIn = api.useMutation('post', '/console/session', { onSuccess: enter });
  // The API tells why: a key that opens nothing, or a page that it doesn't take for its own.
  const error = useMemo(
    () => signIn.error && { ...asProblem(signIn.error), title: 'Nobody is signed in' },
    [signIn.error],
  );
  return (
    <main className="sign-in">
      <title>Sign in · Konstruct</title>
      <div className="sign-in-card">
        <div className="brand">
          <Mark />
          Konstruct
        </div>
        <h1>Sign in</h1>
        <p className="lead">With an API key of your company, or with the operator’s token.</p>
        <Form
          className="stack"
          fields={['token']}
          error={error}
          onSubmit={() => signIn.mutateAsync({ body: { token: token.trim() } })}
        >
          <TextInput
            label="Key or token"
            type="password"
            name="token"
            value={token}
            onChange={setToken}
            isRequired
            autoFocus
            autoComplete="current-password"
            hint="Its role decides what you see. npm start prints the key of its demo."
          />
          <Button kind="main" type="submit" isPending={signIn.isPending}>
            Sign in
          </Button>
        </Form>
      </div>
    </main>
  );
}

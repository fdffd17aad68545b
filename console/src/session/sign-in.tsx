import { useState } from 'react';
import { Form } from 'react-aria-components';
import { useQueryClient } from '@tanstack/react-query';
import { api, SESSION_KEY } from '../api/client.ts';
import { asProblem } from '../api/problem.ts';
import { Button } from '../ui/button.tsx';
import { TextInput } from '../ui/fields.tsx';
import { Mark } from '../ui/icons.tsx';
import { Failure } from '../ui/states.tsx';

const NOT_KNOWN = {
  title: 'Not known',
  detail: 'This is no key or token of this Konstruct, or it was revoked or has expired.',
};

export function SignIn() {
  const [token, setToken] = useState('');
  const queryClient = useQueryClient();
  const signIn = api.useMutation('post', '/console/session', {
    onSuccess: async () => {
      // What whoever was here before has seen is not for the next one.
      queryClient.removeQueries({ type: 'inactive' });
      await queryClient.invalidateQueries({ queryKey: SESSION_KEY });
    },
  });
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
          onSubmit={(event) => {
            event.preventDefault();
            signIn.mutate({ body: { token: token.trim() } });
          }}
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
            hint="What it may do is its role. npm start prints the key of its demo."
          />
          {signIn.error && (
            <Failure error={asProblem(signIn.error).status === 401 ? NOT_KNOWN : signIn.error} />
          )}
          <Button kind="main" type="submit" isPending={signIn.isPending}>
            Sign in
          </Button>
        </Form>
      </div>
    </main>
  );
}

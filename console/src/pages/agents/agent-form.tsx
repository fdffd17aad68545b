import { Form } from 'react-aria-components';
import { Button } from '../../ui/button.tsx';
import { useFieldErrors } from '../../ui/field-errors.ts';
import { NumberInput, TextInput, Toggle } from '../../ui/fields.tsx';
import { Failure } from '../../ui/states.tsx';
import { LLM_BOUNDS, type Draft } from './draft.ts';

type Edited = { draft: Draft; onChange: (draft: Draft) => void; isReadOnly?: boolean };

type AgentFormProps = Edited & {
  onSave: () => void;
  isSaving: boolean;
  error: unknown;
  action: string;
  hasChanges?: boolean;
};

const FRACTION = { maximumFractionDigits: 3 };
const RECALL = [
  { name: 'topK', label: 'Exchanges at most', hint: '0 turns recall off' },
  { name: 'threshold', label: 'Threshold', hint: 'how well the best must fit, 0 to 1' },
  { name: 'cosineWeight', label: 'Weight of meaning', hint: 'against words, 0 to 1' },
  { name: 'maxWords', label: 'Words in the prompt', hint: 'at most' },
  { name: 'fillWords', label: 'Words from beside', hint: 'filled up with neighbours' },
] as const;
const BOUNDS: Record<(typeof LLM_BOUNDS)[number], string> = {
  silenceMs: 'Silence, in ms',
  withinMs: 'Whole answer, in ms',
  contextTokens: 'Context, in tokens',
  maxOutputTokens: 'Answer, in tokens',
};

type TextName = 'name' | 'jobTitle' | 'persona' | 'systemPrompt' | 'model' | 'people';

const textField = ({ draft, onChange, isReadOnly = false }: Edited, name: TextName) => ({
  name,
  isReadOnly,
  value: draft[name],
  onChange: (value: string) => onChange({ ...draft, [name]: value }),
});

/** All that can be set of an agent. What the API finds wrong stands at its field. */
export function AgentForm(props: AgentFormProps) {
  const { onSave, isSaving, error, action, isReadOnly = false, hasChanges = true } = props;
  const wrong = useFieldErrors(error, fieldOf);
  const text = (name: TextName) => textField(props, name);
  return (
    <Form
      className="stack agent-form"
      validationErrors={wrong}
      onSubmit={(event) => {
        event.preventDefault();
        onSave();
      }}
    >
      <TextInput label="Name" {...text('name')} autoComplete="off" />
      <TextInput label="Job title" {...text('jobTitle')} placeholder="Support engineer" />
      <TextInput label="Persona" {...text('persona')} rows={2} hint="How it speaks." />
      <TextInput label="Instructions" {...text('systemPrompt')} rows={6} hint="What it does, and what not." />
      <RecallFields {...props} />
      <ModelFields {...props} />
      {error !== null && Object.keys(wrong).length === 0 && <Failure error={error} />}
      {!isReadOnly && (
        <div className="row">
          <Button kind="main" type="submit" isDisabled={!hasChanges} isPending={isSaving}>
            {action}
          </Button>
        </div>
      )}
    </Form>
  );
}

/** The field of this form that the API means: it counts the people. */
const fieldOf = (field: string): string => (field.startsWith('escalation') ? 'people' : field);

function RecallFields({ draft, onChange, isReadOnly = false }: Edited) {
  return (
    <fieldset className="group">
      <legend>Recall</legend>
      <p className="hint">Empty: as it is set anyway.</p>
      <div className="grid">
        {RECALL.map(({ name, label, hint }) => (
          <NumberInput
            key={name}
            label={label}
            hint={hint}
            name={`recall.${name}`}
            isReadOnly={isReadOnly}
            formatOptions={FRACTION}
            value={draft.recall[name]}
            onChange={(value) => onChange({ ...draft, recall: { ...draft.recall, [name]: value } })}
          />
        ))}
      </div>
    </fieldset>
  );
}

function ModelFields(props: Edited) {
  const { draft, onChange, isReadOnly = false } = props;
  return (
    <details className="group">
      <summary>Model and Slack</summary>
      <div className="stack">
        <div className="grid">
          <TextInput label="Model" {...textField(props, 'model')} hint="empty: the deployment’s" />
          <NumberInput
            label="Prompt, in tokens"
            name="maxPromptTokens"
            hint="at most; empty: the deployment’s"
            isReadOnly={isReadOnly}
            value={draft.maxPromptTokens}
            onChange={(maxPromptTokens) => onChange({ ...draft, maxPromptTokens })}
          />
          {LLM_BOUNDS.map((name) => (
            <NumberInput
              key={name}
              label={BOUNDS[name]}
              name={`llm.${name}`}
              isReadOnly={isReadOnly}
              value={draft.llm[name]}
              onChange={(value) => onChange({ ...draft, llm: { ...draft.llm, [name]: value } })}
            />
          ))}
        </div>
        <TextInput
          label="Who takes over in Slack"
          {...textField(props, 'people')}
          placeholder="U0123456789 U9876543210"
          hint="Ids of members, with spaces between."
        />
        <Toggle
          label="Show replies while they are written"
          isSelected={draft.liveReplies}
          isReadOnly={isReadOnly}
          onChange={(liveReplies) => onChange({ ...draft, liveReplies })}
        />
      </div>
    </details>
  );
}

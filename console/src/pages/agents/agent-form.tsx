import { Button } from '../../ui/button.tsx';
import { NumberInput, TextInput, Toggle } from '../../ui/fields.tsx';
import { Form } from '../../ui/form.tsx';
import { LLM_BOUNDS, type Draft } from './draft.ts';

type Edited = { draft: Draft; onChange: (draft: Draft) => void; isReadOnly?: boolean };

type AgentFormProps = Edited & {
  onSave: () => Promise<unknown> | undefined;
  isSaving: boolean;
  error: unknown;
  action: string;
  /** What stands beside the button. */
  note?: string;
  /** What becomes of a number of recall that is left empty. */
  whenEmpty: string;
};

const RECALL = [
  { name: 'topK', label: 'Exchanges at most', hint: 'up to 20; 0 turns recall off' },
  {
    name: 'threshold',
    label: 'Threshold',
    hint: 'the match from which anything is recalled, 0 to 1',
    isFraction: true,
  },
  {
    name: 'cosineWeight',
    label: 'Weight of meaning',
    hint: '1: meaning alone; 0: words alone',
    isFraction: true,
  },
  { name: 'maxWords', label: 'Words at most', hint: 'of all that is quoted in the prompt' },
  { name: 'fillWords', label: 'Fill up to', hint: 'words, with messages from beside; 0: none' },
] as const;
const BOUNDS: Record<(typeof LLM_BOUNDS)[number], { label: string; hint: string }> = {
  silenceMs: { label: 'Silence, in ms', hint: 'how long its server may send nothing' },
  withinMs: { label: 'Time, in ms', hint: 'for one answer' },
  contextTokens: { label: 'Context, in tokens', hint: 'prompt and answer together' },
  maxOutputTokens: { label: 'Answer, in tokens', hint: 'at most' },
};
const FIELDS = [
  ...['name', 'jobTitle', 'persona', 'systemPrompt', 'model', 'maxPromptTokens', 'people'],
  ...RECALL.map(({ name }) => `recall.${name}`),
  ...LLM_BOUNDS.map((name) => `llm.${name}`),
];

type TextName = 'name' | 'jobTitle' | 'persona' | 'systemPrompt' | 'model' | 'people';

const textField = ({ draft, onChange, isReadOnly = false }: Edited, name: TextName) => ({
  name,
  isReadOnly,
  value: draft[name],
  onChange: (value: string) => onChange({ ...draft, [name]: value }),
});

/** All that can be set of an agent. What the API finds wrong stands at its field. */
export function AgentForm(props: AgentFormProps) {
  const { onSave, isSaving, error, action, note, isReadOnly = false } = props;
  const text = (name: TextName) => textField(props, name);
  return (
    <Form className="stack agent-form" fields={FIELDS} fieldOf={fieldOf} error={error} onSubmit={onSave}>
      <TextInput label="Name" {...text('name')} autoComplete="off" />
      <TextInput label="Job title" {...text('jobTitle')} placeholder="Support engineer" />
      <TextInput label="Persona" {...text('persona')} rows={2} hint="How it speaks." />
      <TextInput label="Instructions" {...text('systemPrompt')} rows={6} hint="What it does, and what not." />
      <RecallFields {...props} />
      <ModelFields {...props} />
      {!isReadOnly && (
        <div className="row wrap">
          <Button kind="main" type="submit" isPending={isSaving}>
            {action}
          </Button>
          {note !== undefined && <span className="hint">{note}</span>}
        </div>
      )}
    </Form>
  );
}

/** The field of this form that the API means: it counts the people. */
const fieldOf = (field: string): string => (field.startsWith('escalation') ? 'people' : field);

function RecallFields({
  draft,
  onChange,
  whenEmpty,
  isReadOnly = false,
}: Edited & Pick<AgentFormProps, 'whenEmpty'>) {
  return (
    <fieldset className="group">
      <legend>Recall</legend>
      <p className="hint">What of long-term memory goes into the prompt.{!isReadOnly && ` ${whenEmpty}`}</p>
      <div className="grid">
        {RECALL.map(({ name, ...field }) => (
          <NumberInput
            key={name}
            {...field}
            name={`recall.${name}`}
            isReadOnly={isReadOnly}
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
        {!isReadOnly && (
          <p className="hint">What is left empty is as the operator has set it for all agents.</p>
        )}
        <div className="grid">
          <TextInput label="Model" {...textField(props, 'model')} />
          <NumberInput
            label="Prompt, in tokens"
            name="maxPromptTokens"
            hint="at most"
            isReadOnly={isReadOnly}
            value={draft.maxPromptTokens}
            onChange={(maxPromptTokens) => onChange({ ...draft, maxPromptTokens })}
          />
          {LLM_BOUNDS.map((name) => (
            <NumberInput
              key={name}
              {...BOUNDS[name]}
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
          hint="Slack’s ids of members, with spaces between. They are told when the agent wants a person."
        />
        <Toggle
          label="Show replies in Slack while they are written"
          isSelected={draft.liveReplies}
          isReadOnly={isReadOnly}
          onChange={(liveReplies) => onChange({ ...draft, liveReplies })}
        />
      </div>
    </details>
  );
}

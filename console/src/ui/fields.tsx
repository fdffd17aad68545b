/** Fields with a label, a hint and whatever is wrong with them. */
import type { ReactNode } from 'react';
import {
  Button as AriaButton,
  FieldError,
  Input,
  Label,
  ListBox,
  ListBoxItem,
  NumberField,
  Popover,
  Select,
  SelectValue,
  SwitchButton,
  SwitchField,
  Text,
  TextArea,
  TextField,
  type NumberFieldProps,
  type SwitchFieldProps,
  type TextFieldProps,
} from 'react-aria-components';
import { ChevronDown } from './icons.tsx';

type Labelled = { label: string; hint?: ReactNode };
type Unstyled<T> = Omit<T, 'className' | 'style' | 'children'>;

const Hint = ({ children }: { children: ReactNode }) =>
  children ? (
    <Text slot="description" className="hint">
      {children}
    </Text>
  ) : null;

export type TextInputProps = Unstyled<TextFieldProps> &
  Labelled & { rows?: number; placeholder?: string; isLabelHidden?: boolean };

/** A line of text, or several with `rows`. */
export function TextInput({ label, hint, rows, placeholder, isLabelHidden, ...props }: TextInputProps) {
  return (
    <TextField {...props} className="field">
      <Label className={isLabelHidden ? 'hidden' : 'label'}>{label}</Label>
      {rows === undefined ? (
        <Input className="input" placeholder={placeholder ?? ''} />
      ) : (
        <TextArea className="input" rows={rows} placeholder={placeholder ?? ''} />
      )}
      <Hint>{hint}</Hint>
      <FieldError className="field-error" />
    </TextField>
  );
}

/** A number. Empty is NaN. */
export function NumberInput({ label, hint, ...props }: Unstyled<NumberFieldProps> & Labelled) {
  return (
    <NumberField {...props} className="field number">
      <Label className="label">{label}</Label>
      <Input className="input" />
      <Hint>{hint}</Hint>
      <FieldError className="field-error" />
    </NumberField>
  );
}

export type Option = { id: string; name: string; note?: string };

type ChoiceProps = Labelled & {
  options: readonly Option[];
  value: string | null;
  onChange: (id: string) => void;
  placeholder?: string;
  name?: string;
  isDisabled?: boolean;
};

/** One of several. */
export function Choice({ label, hint, options, value, onChange, placeholder, ...props }: ChoiceProps) {
  return (
    <Select
      {...props}
      className="field"
      placeholder={placeholder ?? 'Choose …'}
      value={value}
      onChange={(key) => {
        if (key !== null) onChange(String(key));
      }}
    >
      <Label className="label">{label}</Label>
      <AriaButton className="input select">
        <SelectValue />
        <ChevronDown />
      </AriaButton>
      <Hint>{hint}</Hint>
      <FieldError className="field-error" />
      <Popover className="popover">
        <ListBox className="options" items={options}>
          {({ id, name, note }) => (
            <ListBoxItem id={id} textValue={name} className="option">
              <span>{name}</span>
              {note !== undefined && <span className="hint">{note}</span>}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </Select>
  );
}

/** On or off. */
export function Toggle({ label, ...props }: Unstyled<SwitchFieldProps> & { label: string }) {
  return (
    <SwitchField {...props}>
      <SwitchButton className="switch">
        <span className="switch-track" aria-hidden="true" />
        {label}
      </SwitchButton>
    </SwitchField>
  );
}

/** Fields with a label, a hint and whatever is wrong with them. */
import { useContext, type KeyboardEvent, type ReactNode } from 'react';
import {
  Button as AriaButton,
  FieldError,
  Input,
  Label,
  ListBox,
  ListBoxItem,
  NumberField,
  NumberFieldStateContext,
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

type NumberInputProps = Unstyled<NumberFieldProps> & Labelled & { isFraction?: boolean };

/** All that a number has: what a field does not show it would take away, as soon as it is left. */
const ALL_DIGITS = { maximumFractionDigits: 20 };

/**
 * A number. Empty is NaN. It is changed by typing and by the arrow keys, not by scrolling over it.
 * `isFraction`: it lies between 0 and 1, and the arrow keys go by hundredths.
 */
export function NumberInput({ label, hint, isFraction = false, ...props }: NumberInputProps) {
  return (
    <NumberField {...props} className="field number" isWheelDisabled formatOptions={ALL_DIGITS}>
      <Label className="label">{label}</Label>
      {isFraction ? <FractionInput isReadOnly={props.isReadOnly ?? false} /> : <Input className="input" />}
      <Hint>{hint}</Hint>
      <FieldError className="field-error" />
    </NumberField>
  );
}

/** Sums of decimal fractions are no exact ones: they are rounded to so many digits. */
const SUM_DIGITS = 10;
const HUNDREDTHS: Readonly<Record<string, number>> = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 };

/** The arrow keys are heeded here: a `step` of react-aria’s would round what is typed, or refuse it. */
function FractionInput({ isReadOnly }: { isReadOnly: boolean }) {
  const state = useContext(NumberFieldStateContext);
  const stepBy = (event: KeyboardEvent): void => {
    const hundredths = HUNDREDTHS[event.key];
    if (hundredths === undefined || isReadOnly || !state) return;
    event.preventDefault();
    event.stopPropagation();
    const from = Number.isNaN(state.numberValue) ? 0 : state.numberValue;
    const to = Math.min(1, Math.max(0, from + hundredths / 100));
    state.setNumberValue(Number(to.toFixed(SUM_DIGITS)));
  };
  return <Input className="input" onKeyDownCapture={stepBy} />;
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

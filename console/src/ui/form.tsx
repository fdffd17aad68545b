import { useEffect, useRef, type ReactNode } from 'react';
import { Form as AriaForm } from 'react-aria-components';
import { useFieldErrors } from './field-errors.ts';
import { Failure } from './states.tsx';

type FormProps = {
  children: ReactNode;
  onSubmit: () => void;
  /** What came of the last try; null: nothing is wrong. */
  error: unknown;
  /** The fields that there are, named as the API names them. */
  fields: readonly string[];
  className: string;
  /** The field of this form that the API means by one of its own. */
  fieldOf?: (field: string) => string;
};

/**
 * A form of the API's. What the API finds wrong stands at its field, and the first of them gets the focus;
 * what has no field here stands below.
 */
export function Form({ children, onSubmit, error, fields, className, fieldOf }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  const wrong = useFieldErrors(error, fieldOf);
  const names = Object.keys(wrong);
  const isAllAtFields = names.length > 0 && names.every((name) => fields.includes(name));
  useEffect(() => {
    if (Object.keys(wrong).length === 0) return;
    const first = form.current?.querySelector<HTMLElement>('[aria-invalid="true"]');
    const folded = first?.closest('details');
    if (folded) folded.open = true;
    first?.focus();
  }, [wrong]);
  return (
    <AriaForm
      ref={form}
      className={className}
      validationErrors={wrong}
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {children}
      {error !== null && error !== undefined && !isAllAtFields && <Failure error={error} />}
    </AriaForm>
  );
}

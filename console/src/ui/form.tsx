import { useEffect, useRef, type ReactNode } from 'react';
import { Form as AriaForm } from 'react-aria-components';
import { useFieldErrors } from './field-errors.ts';
import { Failure } from './states.tsx';

type FormProps = {
  children: ReactNode;
  /** What the form does, until it has been done; undefined where there is nothing to do. */
  onSubmit: () => Promise<unknown> | undefined;
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
 * what has no field here stands below. While it is sent it is not sent again, however often Enter is pressed:
 * a form with one field takes Enter without its button.
 */
export function Form({ children, onSubmit, error, fields, className, fieldOf }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  const isSent = useRef(false);
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
  const submit = (): void => {
    if (isSent.current) return;
    const done = onSubmit();
    if (!done) return;
    isSent.current = true;
    // `error` has what went wrong.
    void done
      .catch(() => undefined)
      .finally(() => {
        isSent.current = false;
      });
  };
  return (
    <AriaForm
      ref={form}
      className={className}
      validationErrors={wrong}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {children}
      {error !== null && error !== undefined && !isAllAtFields && <Failure error={error} />}
    </AriaForm>
  );
}

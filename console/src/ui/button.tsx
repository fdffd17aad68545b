import { Button as AriaButton, type ButtonProps as AriaButtonProps } from 'react-aria-components';

export type ButtonProps = Omit<AriaButtonProps, 'className' | 'style'> & {
  kind?: 'main' | 'plain' | 'quiet' | 'danger';
};

export function Button({ kind = 'plain', ...props }: ButtonProps) {
  return <AriaButton {...props} className={`button ${kind}`} />;
}

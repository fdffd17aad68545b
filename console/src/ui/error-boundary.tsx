import { Component, type ReactNode } from 'react';

type Props = {
  children: ReactNode;
  /** What stands there instead of what can't be shown. */
  instead: (error: unknown) => ReactNode;
  /** Where one is: elsewhere it is tried again. */
  place: string;
};
type State = { error?: unknown; hasFailed: boolean; place: string };

/** Where what is below fails to be drawn, a message stands there, and the rest of the page goes on. */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = { hasFailed: false, place: this.props.place };

  static getDerivedStateFromError(error: unknown): Partial<State> {
    return { error, hasFailed: true };
  }

  static getDerivedStateFromProps({ place }: Props, state: State): State | null {
    return place === state.place ? null : { hasFailed: false, place };
  }

  override render(): ReactNode {
    const { hasFailed, error } = this.state;
    return hasFailed ? this.props.instead(error) : this.props.children;
  }
}

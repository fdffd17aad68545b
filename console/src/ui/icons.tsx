/** Small drawings beside words; they say nothing of their own. */
import type { ReactNode } from 'react';

const Icon = ({ children }: { children: ReactNode }) => (
  <svg
    aria-hidden="true"
    className="icon"
    viewBox="0 0 20 20"
    fill="none"
    stroke="currentColor"
    strokeWidth="1.6"
    strokeLinecap="round"
    strokeLinejoin="round"
  >
    {children}
  </svg>
);

export const ChevronDown = () => (
  <Icon>
    <path d="m6 8 4 4 4-4" />
  </Icon>
);
export const MenuLines = () => (
  <Icon>
    <path d="M3 6h14M3 10h14M3 14h14" />
  </Icon>
);
export const External = () => (
  <Icon>
    <path d="M8 5H5v10h10v-3M11 4h5v5M16 4l-7 7" />
  </Icon>
);
export const Check = () => (
  <Icon>
    <path d="m5 10.5 3.5 3.5L15 7" />
  </Icon>
);
export const Cross = () => (
  <Icon>
    <path d="m6 6 8 8M14 6l-8 8" />
  </Icon>
);
export const Mark = () => (
  <svg aria-hidden="true" className="mark" viewBox="0 0 32 32" fill="none">
    <rect width="32" height="32" rx="8" fill="currentColor" />
    <path
      d="M10.5 8v16M21.5 8l-9 8 9 8"
      stroke="var(--on-accent)"
      strokeWidth="3"
      strokeLinecap="round"
      strokeLinejoin="round"
    />
  </svg>
);

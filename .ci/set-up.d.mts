export const root: string;
export function say(text: string): void;
export function orEnd(work: () => Promise<void>, after?: () => void): Promise<void>;
export function run(
  title: string,
  command: string,
  args: readonly string[],
  options?: { patience?: string },
): Promise<void>;
export function install(): Promise<void>;
export function build(): Promise<void>;

export function findChromium(): string | null;
export function requireChromium(): Promise<string>;

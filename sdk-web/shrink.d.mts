export function shrink(code: string, options?: { inner?: boolean }): Promise<string>;

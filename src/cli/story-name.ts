/** A name, or, where only the log itself is at hand, the person's id. */
export function nameOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  const { person } = (value ?? {}) as { person?: unknown }
  return typeof person === 'string' ? person : undefined
}

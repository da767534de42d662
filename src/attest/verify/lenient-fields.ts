/** Reads JSON that may be of any form: what is of another type counts as missing. */
export type Fields = Readonly<Record<string, unknown>>

/** JSON may say `__proto__` or `constructor`: only what it has itself counts, which an object without a prototype shows alone. */
export function recordIn(value: unknown): Fields {
  const is = typeof value === 'object' && value !== null && !Array.isArray(value)
  return Object.assign(Object.create(null) as Record<string, unknown>, is ? value : {})
}

export function fieldsIn(value: unknown): Fields {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as Fields) : {}
}

export function listIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function textIn(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

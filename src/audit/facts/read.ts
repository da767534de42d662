export type Data = Readonly<Record<string, unknown>>

/** A member that is a text and not empty. */
export function textIn(data: Data, name: string): string | undefined {
  const value = data[name]
  return isText(value) ? value : undefined
}

/** A member that is an object, else an empty one. */
export function objectIn(data: Data, name: string): Data {
  const value = data[name]
  return isObject(value) ? value : {}
}

/** The texts of a member that is a list, else none. */
export function textsIn(data: Data, name: string): string[] {
  return listIn(data, name).filter(isText)
}

export function listIn(data: Data, name: string): unknown[] {
  const value = data[name]
  return Array.isArray(value) ? (value as unknown[]) : []
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

export function isObject(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

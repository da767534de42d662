import { nameOf } from './story-name.ts'

export function text(value: unknown): string {
  const name = nameOf(value)
  if (name !== undefined) return name
  return typeof value === 'string' || typeof value === 'number'
    ? String(value)
    : value === undefined || value === null
      ? '?'
      : JSON.stringify(value)
}

export function oneLine(value: unknown): string {
  const line = text(value).replaceAll(/\s+/g, ' ')
  return line.length > 120 ? `${line.slice(0, 119)}…` : line
}

export function list(value: unknown): string {
  return ((value ?? []) as unknown[]).map(text).join(', ') || 'nothing'
}

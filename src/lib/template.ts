/** A text with places for values: `{name}`, `{secret.admin}`. `{{` and `}}` are braces. */
export type TemplatePart = string | { readonly name: string }

export type ParsedTemplate =
  | { readonly ok: true; readonly parts: readonly TemplatePart[] }
  | { readonly ok: false; readonly problem: string }

const piece = /\{\{|\}\}|\{([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)?)\}|[{}]|[^{}]+/gy

export function parseTemplate(text: string): ParsedTemplate {
  const parts: TemplatePart[] = []
  for (const [whole, name] of text.matchAll(piece)) {
    if (name !== undefined) parts.push({ name })
    else if (whole === '{' || whole === '}')
      return {
        ok: false,
        problem: `a single ${whole} is neither a name in braces, such as {token}, nor a brace, which is written twice`,
      }
    else parts.push(whole === '{{' ? '{' : whole === '}}' ? '}' : whole)
  }
  return { ok: true, parts }
}

/** What it names, or what is wrong with it. */
export function templateProblem(text: string, known: ReadonlySet<string>): string | undefined {
  const parsed = parseTemplate(text)
  if (!parsed.ok) return parsed.problem
  const unknown = parsed.parts.find((part) => typeof part !== 'string' && !known.has(part.name))
  if (unknown === undefined || typeof unknown === 'string') return undefined
  return `nothing is called {${unknown.name}} here: known are ${[...known].map((name) => `{${name}}`).join(', ')}`
}

/** The names in a text; none in one that cannot be read. */
export function templateNames(text: string): string[] {
  const parsed = parseTemplate(text)
  return parsed.ok ? parsed.parts.flatMap((part) => (typeof part === 'string' ? [] : [part.name])) : []
}

/** Each value goes through `encode` and is not read again: braces in it are braces. Throws what `valueOf` throws. */
export function fillTemplate(
  text: string,
  valueOf: (name: string) => string,
  encode: (value: string) => string = (value) => value,
): string {
  const parsed = parseTemplate(text)
  if (!parsed.ok) throw new TypeError(parsed.problem)
  return parsed.parts.map((part) => (typeof part === 'string' ? part : encode(valueOf(part.name)))).join('')
}

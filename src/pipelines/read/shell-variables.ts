import type { Text } from '../model.ts'
import type { Declared, FoundSecret } from './file-parts.ts'
import { standIns } from '../stand-in.ts'
import { matchesIn } from './matches.ts'
import { isOfTheRun, looksPlain, looksSecret } from './secret-names.ts'

/** `$X`, `${X}`, `${X:-...}`, and with PowerShell `$env:X`; Buildkite's `$$X` is the same one moment later. */
const variable = /\$(?:\{(?:env:)?([A-Za-z_]\w{0,199})(?:[^}\n]{0,200}\})?|(?:env:)?([A-Za-z_]\w{0,199}))/g

/**
 * Variables that a text reads and whose names say that they are secrets, or the name of the variable that they fill. `declared`: given in
 * the file itself, so they are no secret of the CI.
 */
export function shellSecrets(
  source: string,
  text: Text,
  declared: Declared,
  about: Pick<FoundSecret, 'inCommand' | 'target'>,
): FoundSecret[] {
  const own = standIns(text.value)
  return matchesIn(source, text, variable).flatMap(({ groups: [, braced, plain], index, span }) => {
    const name = braced ?? plain ?? ''
    if (own.has(name) || declared.has(name)) return []
    const found = { name, store: 'variable', span, certain: false } as const
    if (looksSecret(name)) return [{ ...found, ...about }]
    if (!about.inCommand)
      return isFilling(name, text.value, about.target, declared) ? [{ ...found, ...about }] : []
    const target = assignedAt(text.value, index)
    return target !== undefined && looksSecret(target) && !declared.isSetByScript(name) && !isOfTheRun(name)
      ? [{ ...found, ...about, target }]
      : []
  })
}

/**
 * Does what takes the value say that it is a secret? Of a text with more in it (`postgres://$USER:$PROD@host`) none that says by its own
 * name that it is none.
 */
export function isFilling(
  name: string,
  value: string,
  target: string | undefined,
  declared: Declared,
): boolean {
  if (target === undefined || !declared.isSecret(target) || isOfTheRun(name)) return false
  return /^\$*(?:[({]?[\w.]+[)}]?)$/.test(value.trim()) || !looksPlain(name.toUpperCase())
}

/** `PGPASSWORD=$PROD psql`, `export AWS_SECRET_ACCESS_KEY="$BAR"`: the variable that takes what is read there, and nothing beside it. */
function assignedAt(script: string, index: number): string | undefined {
  const before = script.slice(Math.max(0, script.lastIndexOf('\n', index - 1) + 1, index - 220), index)
  return /(?:^|[\s;&|(])([A-Za-z_]\w{0,199})=["']?\$?$/.exec(before)?.[1]
}

import type { Text } from '../model.ts'
import type { FoundSecret } from './file-parts.ts'
import { standIns } from '../stand-in.ts'
import { matchesIn } from './matches.ts'
import { looksSecret } from './secret-names.ts'

/** `$X`, `${X}`, `${X:-...}`, and with PowerShell `$env:X`; Buildkite's `$$X` is the same one moment later. */
const variable = /\$(?:\{(?:env:)?([A-Za-z_]\w{0,199})(?:[^}\n]{0,200}\})?|(?:env:)?([A-Za-z_]\w{0,199}))/g

/**
 * Variables that a text reads and whose names say that they are secrets. `declared`: given in the file itself, so they are no
 * secret of the CI.
 */
export function shellSecrets(
  source: string,
  text: Text,
  declared: ReadonlySet<string>,
  about: Pick<FoundSecret, 'inCommand' | 'target'>,
): FoundSecret[] {
  const own = standIns(text.value)
  return matchesIn(source, text, variable).flatMap(({ groups: [, braced, plain], span }) => {
    const name = braced ?? plain ?? ''
    if (own.has(name) || declared.has(name) || !looksSecret(name)) return []
    return [{ name, store: 'variable', span, certain: false, ...about } as const]
  })
}

import { formats, sshSeed, type Format } from './formats.ts'
import { sshSeedsIn } from './ssh-key.ts'

/** Of one text; who sends more has made them up. */
const maxCores = 64
/** Every form that has a sign has one of these. */
const signs = /AKIA|ghp_|npm_|glpat-|dckr_pat_|eyJ|OPENSSH/

/**
 * The cores of what we may have planted in a text; each form but one is checked with the seed already. `unmarked`: also of what
 * looks like many other things.
 */
export function coresIn(seed: Buffer, text: string, unmarked: boolean): Buffer[] {
  if (!unmarked && !signs.test(text)) return []
  const found = new Map<string, Buffer>()
  const add = (core: Buffer | undefined) => {
    if (core !== undefined && found.size < maxCores) found.set(core.toString('hex'), core)
  }
  const looked: readonly Format[] = Object.values(formats)
  for (const format of looked.filter((one) => unmarked || one.unmarked !== true))
    for (const [match] of text.matchAll(format.pattern)) {
      if (found.size >= maxCores) break
      add(format.read(seed, match))
    }
  for (const key of sshSeedsIn(text)) add(sshSeed.read(seed, key))
  return [...found.values()]
}

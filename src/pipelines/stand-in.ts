/** What stands where a secret stood, if the script names it: the gateway leaves it out and adds the credential. */
export const standIn = 'held-by-the-gateway'

const given = new RegExp(`^[ \\t]*export ([A-Za-z_][A-Za-z0-9_]{0,199})=${standIn}[ \\t]*$`, 'gm')

/** Variables to which a script itself gives that word: they are no secrets of the CI any more. */
export function standIns(script: string): ReadonlySet<string> {
  return new Set([...script.matchAll(given)].flatMap(([, name]) => name ?? []))
}

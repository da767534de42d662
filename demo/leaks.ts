/** A secret that was found where it must not be. */
export interface Leak {
  readonly secret: string
  readonly where: string
}

/**
 * Looks for every secret, as it is and in base64 once and twice, in all that was printed, recorded or collected,
 * and for any credential but ours at the Git server.
 */
export function findLeaks(found: {
  secrets: Readonly<Record<string, string>>
  /** Given to a step on purpose; it must not be readable in any output. */
  outputOnly: Readonly<Record<string, string>>
  outputs: Readonly<Record<string, string>>
  loot: string
  seenByGit: readonly (string | undefined)[]
  expectedAuthorization: string
}): Leak[] {
  const places = { ...found.outputs, loot: found.loot }
  const leaks = [...search(found.secrets, places), ...search(found.outputOnly, found.outputs)]
  const foreign = found.seenByGit.some(
    (authorization) => authorization !== undefined && authorization !== found.expectedAuthorization,
  )
  return foreign ? [...leaks, { secret: 'a credential of the step’s own', where: 'the Git server' }] : leaks
}

function search(secrets: Readonly<Record<string, string>>, places: Readonly<Record<string, string>>): Leak[] {
  return Object.entries(secrets).flatMap(([secret, value]) =>
    Object.entries(places)
      .filter(([, text]) => forms(value).some((form) => text.includes(form)))
      .map(([where]) => ({ secret, where })),
  )
}

function forms(value: string): string[] {
  const once = Buffer.from(value).toString('base64')
  return [value, once.replace(/=+$/, ''), Buffer.from(once).toString('base64').replace(/=+$/, '')]
}

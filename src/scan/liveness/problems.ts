import type { ConfigProblem, Locate, PolicyDocument } from '../../config/index.ts'
import { didYouMean } from '../../lib/index.ts'
import { askable, needingPlace, revocable } from './liveness.ts'

/** What of `scan.verify` could never be asked. */
export function verifyProblems(
  { scan, connections }: Pick<PolicyDocument, 'scan' | 'connections'>,
  locate: Locate,
): ConfigProblem[] {
  const verify = scan?.verify
  if (verify === undefined) return []
  const problem = (path: readonly (string | number)[], message: string): ConfigProblem => ({
    ...locate(['scan', 'verify', ...path]),
    message: `scan.verify: ${message}`,
  })
  const kinds = verify.kinds.flatMap((rule, i) => {
    if (!askable.includes(rule)) {
      const meant = didYouMean(rule, askable)
      const hint = meant === undefined ? 'docs/scan-verify.md lists the kinds' : `did you mean ${meant}?`
      return [problem(['kinds', i], `no vendor can be asked about "${rule}": ${hint}`)]
    }
    if (needingPlace.includes(rule) && !Object.hasOwn(verify.at, rule))
      return [
        problem(['kinds', i], `${rule} is asked about at a server of yours: name its connection under at`),
      ]
    return []
  })
  const revoke = verify.revoke.flatMap((rule, i) => {
    if (!verify.kinds.includes(rule)) return [problem(['revoke', i], `${rule} is not under kinds as well`)]
    return revocable.includes(rule)
      ? []
      : [problem(['revoke', i], `the vendor of ${rule} lets no holder end one: ${revocable.join(', ')}`)]
  })
  const at = Object.entries(verify.at).flatMap(([rule, connection]) => {
    if (!verify.kinds.includes(rule)) return [problem(['at', rule], `${rule} is not under kinds as well`)]
    if (!Object.hasOwn(connections, connection))
      return [problem(['at', rule], `there is no connection "${connection}"`)]
    const url = connections[connection]?.url ?? ''
    return url.startsWith('https:') || /^http:\/\/(?:localhost|127\.)/.test(url)
      ? []
      : [problem(['at', rule], `connection "${connection}" is not https: a secret is not sent in the clear`)]
  })
  return [...kinds, ...revoke, ...at]
}

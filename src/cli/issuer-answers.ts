import { MayflyError } from '../lib/index.ts'
import type { IssuingCi, RepositoryFacts } from '../pipelines/index.ts'

/** Throws `bad_input`, saying what is wanted. */
export function checkedAnswer(value: string, option: string, text: string, is: RegExp): string {
  if (is.test(value)) return value
  throw new MayflyError('bad_input', `${option} ${value} cannot be it: ${text}`)
}

/** GitLab and GitHub Enterprise Server of one's own, by the remote; what everybody has needs no URL. */
export function ownIssuerUrl(
  ci: IssuingCi,
  url: string | undefined,
  { host }: RepositoryFacts,
): string | undefined {
  if (url !== undefined) return checkedAnswer(url, '--issuer-url', 'an https:// URL', /^https:\/\/[^\s"]+$/)
  if (ci === 'gitlab') return host === 'https://gitlab.com' ? undefined : host
  return ci === 'github' && host !== 'https://github.com' ? `${host}/_services/token` : undefined
}

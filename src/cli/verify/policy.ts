import { dirname, resolve } from 'node:path'
import { MayflyError } from '../../lib/index.ts'
import { demandProblems, demandsOf, type Demands } from '../../attest/verify/index.ts'
import { formatProblem, parseConfig, verifyPolicySchema } from '../../config/index.ts'
import { readText } from '../text-file.ts'
import { refuseSeveralRoots, type TrustNamed } from '../named-trust.ts'

export interface VerifyPolicy extends TrustNamed {
  readonly demands: Demands
  /** As it was read. */
  readonly text: string
}

/**
 * What has to be so, and whose signatures count: of a policy file, or by demands on the command line (`KEY=VALUE`); `named` are options,
 * which go before what the file says. Throws `bad_input` with file, line and column of each mistake.
 */
export function readVerifyPolicy(
  file: string | undefined,
  inline: readonly string[],
  named: TrustNamed,
): VerifyPolicy {
  if (file !== undefined && inline.length > 0)
    throw new MayflyError('bad_input', 'write demands into the policy, or give them by --require: not both')
  if (file === undefined && inline.length === 0)
    throw new MayflyError(
      'bad_input',
      'say what has to be so: --policy FILE, or --require KEY=VALUE, such as --require role=build',
    )
  const name = file ?? '--require'
  const text = file === undefined ? textOf(inline) : readText(file)
  const parsed = parseConfig(text, name, verifyPolicySchema)
  if (!parsed.ok) throw new MayflyError('bad_input', parsed.problems.map(formatProblem).join('\n'))
  const { value, locate } = parsed
  const trust = trustIn(value, file === undefined ? '.' : dirname(file), named)
  const demands = demandsOf(value.require)
  const problems = demandProblems(demands, { hasRun: false, own: trust.sharedRoot === undefined })
  if (problems.length > 0) {
    const lines = problems.map(({ key, message }) => {
      const path = key === undefined ? ['require'] : ['require', key === 'max_age_seconds' ? 'max_age' : key]
      return formatProblem({ ...locate(path), message })
    })
    throw new MayflyError('bad_input', lines.join('\n'))
  }
  return { demands, text, ...trust }
}

/** One demand on each line, so that a mistake is told by its place among the options. */
function textOf(inline: readonly string[]): string {
  const lines = inline.map((one) => {
    const at = one.indexOf('=')
    if (at < 1) throw new MayflyError('bad_input', `--require ${one}: write KEY=VALUE, such as role=build`)
    const key = one.slice(0, at)
    return ` ${key}: ${valueOf(key, one.slice(at + 1))},`
  })
  return `require: {\n${lines.join('\n')}\n }\n`
}

/** Lists, maps, how many people and yes or no as YAML has them; everything else is a text: an id in digits, too. */
function valueOf(key: string, written: string): string {
  const isCount = key === 'approvals' && /^\d{1,2}$/.test(written)
  const isPlain = isCount || /^[[{]|^(?:true|false)$/.test(written)
  return isPlain && !written.includes('\n') ? written : JSON.stringify(written)
}

type Written = {
  readonly [Key in 'root' | 'trust_document' | 'trusted_root' | 'shared_root' | 'server']?: string | undefined
}

/** Paths of a file are seen from the file. What an option says replaces all that the file says of whom to trust. */
function trustIn(written: Written, folder: string, named: TrustNamed): TrustNamed {
  refuseSeveralRoots(named)
  const roots = [named.root, named.trustedRoot, named.sharedRoot].filter((one) => one !== undefined)
  const isNamed = roots.length > 0
  const at = (path: string | undefined) => (path === undefined ? undefined : resolve(folder, path))
  const server = named.server ?? written.server
  const trust = isNamed
    ? named
    : {
        root: at(written.root),
        trustDocument: named.trustDocument ?? at(written.trust_document),
        trustedRoot: at(written.trusted_root),
        sharedRoot: at(written.shared_root),
      }
  return { ...trust, server }
}

import { TomlError, parse } from 'smol-toml'
import { MayflyError, escapeUnseen, firstLineOf } from '../../lib/index.ts'
import type { Rule } from '../engine/index.ts'
import { allowOfGitleaks } from './gitleaks-allow.ts'
import { ruleOfGitleaks } from './gitleaks-rule.ts'
import { gitleaksSchema, knownKeys, type GitleaksFile } from './gitleaks-schema.ts'
import type { RuleSet } from './rule-set.ts'

const maxBytes = 4_194_304

/**
 * A configuration of gitleaks. What of it has no counterpart here is said by name: in a warning if less is allowed or asked than it says,
 * in an error if nobody could tell what it means. Throws `bad_input`.
 */
export function readGitleaksConfig(text: string, file: string): RuleSet {
  const config = parsed(text, file)
  const warnings = unknownKeys(config)
  const said = (what: string) => void warnings.push(what)
  const byId = new Map<string, Rule>()
  for (const entry of config.rules) {
    const read = ruleOfGitleaks(entry)
    if ('rule' in read) {
      if (byId.has(read.rule.id))
        said(`rule ${entry.id}: it is there twice, and the last one counts, as in gitleaks`)
      byId.set(read.rule.id, read.rule)
    }
    for (const warning of read.warnings) said(`rule ${entry.id}: ${warning}`)
  }
  const rules = [...byId.values()]
  if (rules.length > 0)
    said(
      `${rules.length} rules come without examples: each was held against a text that was made from its own pattern, and what it finds counts as likely`,
    )
  const isAlone = config.extend?.useDefault !== true
  if (isAlone) said('the built-in rules are not asked, since extend.useDefault is not true')
  const allow = config.rules.flatMap((entry) =>
    [entry.allowlist, ...(entry.allowlists ?? [])].flatMap((list) => allowOfGitleaks(list, [entry.id], said)),
  )
  const forAll = [config.allowlist, ...(config.allowlists ?? [])].flatMap((list) =>
    allowOfGitleaks(list, undefined, said, new Set(rules.map(({ id }) => id))),
  )
  return {
    ...{ rules, isAlone, disabled: [], unseen: [], allow: [...allow, ...forAll], gitleaksAllow: false },
    warnings: warnings.map((warning) => escapeUnseen(`${file}: ${warning}`)),
  }
}

function parsed(text: string, file: string): GitleaksFile {
  const refused = (why: string) => new MayflyError('bad_input', escapeUnseen(`${file}: ${why}`))
  if (text.length > maxBytes) throw refused(`it is longer than ${maxBytes} characters`)
  let document: unknown
  try {
    document = parse(text)
  } catch (error) {
    const where = error instanceof TomlError ? `line ${error.line}, column ${error.column}: ` : ''
    throw refused(`it is not TOML: ${where}${firstLineOf(error)}`)
  }
  const read = gitleaksSchema.safeParse(document)
  if (!read.success) {
    const [issue] = read.error.issues
    throw refused(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)
  }
  const { extend } = read.data
  if (extend?.path !== undefined || extend?.url !== undefined)
    throw refused(
      'extend.path and extend.url are not followed: name that file by a --gitleaks-config of its own',
    )
  return read.data
}

/** A key that is passed over may be one that was misspelt. */
function unknownKeys(config: GitleaksFile): string[] {
  const of = (value: object | undefined, known: readonly string[], where: string) =>
    Object.keys(value ?? {})
      .filter((key) => !known.includes(key))
      .map((key) => `${where}${key.slice(0, 100)} is not known here, and not used`)
  const disabled = config.extend?.disabledRules ?? []
  return [
    ...of(config, knownKeys.file, ''),
    ...of(config.extend, knownKeys.extend, 'extend.'),
    ...config.rules.flatMap((rule) => of(rule, knownKeys.rule, `rule ${rule.id}: `)),
    ...(disabled.length === 0
      ? []
      : [
          `extend.disabledRules names rules of gitleaks, which are not ours (${disabled.slice(0, 10).join(', ')}): name ours under disable in .mayfly/scan.yaml`,
        ]),
  ]
}

import { parseConfig, type ConfigProblem, type Locate } from '../../config/index.ts'
import { didYouMean, escapeUnseen } from '../../lib/index.ts'
import type { Rule } from '../engine/index.ts'
import { knownRule, type AllowEntry } from '../findings/index.ts'
import { ruleProblem } from './examples.ts'
import type { RuleSet } from './rule-set.ts'
import { ruleFileSchema, type RuleEntry, type RuleFile } from './schema.ts'

const dayMs = 86_400_000

export type ReadRules =
  | { readonly ok: true; readonly value: RuleSet }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] }

/** `.mayfly/scan.yaml`. `builtIn` are the ids of our own rules: what is disabled has to be one. */
export function readRuleFile(text: string, file: string, builtIn: ReadonlySet<string>): ReadRules {
  const parsed = parseConfig(text, file, ruleFileSchema)
  if (!parsed.ok) return parsed
  const rules = parsed.value.rules.map(ruleOf)
  const problems = [
    ...rules.flatMap((rule, index) => problemsOf(rule, index, parsed.locate)),
    ...idProblems(parsed.value, builtIn, parsed.locate),
  ]
  if (problems.length > 0) return { ok: false, problems }
  const { disable, allow, unseen, gitleaks_allow_comments: gitleaksAllow } = parsed.value
  const taken = [
    ...disable.map(({ rule, reason }) => escapeUnseen(`${file} disables ${rule}: ${reason}`)),
    ...unseen.map(({ paths, reason }) =>
      escapeUnseen(
        `${file} lets ${paths.slice(0, 5).join(', ')}${paths.length > 5 ? ', ...' : ''} be unseen: ${reason}`,
      ),
    ),
  ]
  return {
    ok: true,
    value: {
      ...{ rules, isAlone: false, disabled: disable.map(({ rule }) => rule), allow: allow.map(allowOf) },
      ...{ unseen, gitleaksAllow, warnings: taken },
    },
  }
}

function ruleOf(entry: RuleEntry): Rule {
  const { ignore_case: ignoreCase, vendor, source, reach, entropy, allow, path, connection, revoke } = entry
  return {
    ...{ id: entry.id, title: entry.title, vendor: vendor ?? entry.title, source: source ?? '' },
    ...{ keywords: entry.keywords, pattern: entry.pattern, confidence: entry.confidence },
    ...(ignoreCase === true ? { ignoreCase } : {}),
    ...(reach === undefined ? {} : { reach }),
    ...(entropy === undefined ? {} : { entropy }),
    ...(allow === undefined ? {} : { allow }),
    ...(path === undefined ? {} : { path }),
    ...(connection === undefined ? {} : { connection }),
    ...(revoke === undefined ? {} : { revoke }),
    examples: entry.examples,
  }
}

function allowOf({ until, ...entry }: RuleFile['allow'][number]): AllowEntry {
  const { reason, rules, paths, values, fingerprints } = entry
  return {
    reason,
    // Its last day counts, as in `scan.allow` of mayfly.yaml.
    ...(until === undefined ? {} : { untilMs: Date.parse(`${until}T00:00:00Z`) + dayMs }),
    ...(rules === undefined ? {} : { rules }),
    ...(paths === undefined ? {} : { paths }),
    ...(values === undefined ? {} : { values }),
    ...(fingerprints === undefined ? {} : { fingerprints }),
  }
}

function problemsOf(rule: Rule, index: number, locate: Locate): ConfigProblem[] {
  const problem = ruleProblem(rule)
  return problem === undefined
    ? []
    : [{ ...locate(['rules', index, ...problem.path]), message: problem.message }]
}

function idProblems(file: RuleFile, builtIn: ReadonlySet<string>, locate: Locate): ConfigProblem[] {
  const seen = new Set<string>()
  const twice = file.rules.flatMap(({ id }, index) => {
    const at = locate(['rules', index, 'id'])
    if (builtIn.has(id))
      return [
        { ...at, message: `there is a built-in rule ${id}: give yours another id, and disable that one` },
      ]
    const isTwice = seen.has(id)
    seen.add(id)
    return isTwice ? [{ ...at, message: `the rule ${id} is there twice` }] : []
  })
  const known = new Set([...builtIn, ...seen, knownRule.id])
  const unknown = [
    ...file.disable.map(({ rule }, index) => unknownRule(rule, builtIn, locate(['disable', index, 'rule']))),
    ...file.allow.flatMap(({ rules = [] }, index) =>
      rules.map((rule, at) => unknownRule(rule, known, locate(['allow', index, 'rules', at]))),
    ),
  ]
  return [...twice, ...unknown.filter((one) => one !== undefined)]
}

function unknownRule(
  rule: string,
  known: ReadonlySet<string>,
  at: Omit<ConfigProblem, 'message'>,
): ConfigProblem | undefined {
  if (known.has(rule)) return undefined
  const meant = didYouMean(rule, known)
  const hint = meant === undefined ? 'mayfly scan --list-rules lists them' : `did you mean ${meant}?`
  return { ...at, message: `there is no rule ${rule}: ${hint}` }
}

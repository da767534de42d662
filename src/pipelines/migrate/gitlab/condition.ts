import type { YamlView } from '../../read/yaml-view.ts'
import {
  conditionOf,
  exact,
  holds,
  fails,
  isEqual,
  isSaid,
  leaf,
  not,
  notUnderstood,
  textPattern,
  unknown,
  unsure,
  untold,
  untoldLeaf,
  wordsOf,
  type Condition,
  type Leaf,
  type Run,
  type Words,
} from '../conditions/index.ts'
import type { RepositoryFacts } from '../model.ts'
import { sources } from './sources.ts'
import { chainOf, lookUp } from './unit.ts'
import type { TopLevel } from './top-level.ts'

export interface GitlabFacts {
  readonly repository: RepositoryFacts
  /** The role asks for protected branches and tags. */
  readonly isGuarded: boolean
}

const mergeRequest = 'merge_request_event'

/**
 * What lets a job run, by its own rules and those of the whole pipeline (`workflow: rules`, of whatever file).
 * Source: GitLab documentation, "Specify when jobs run with rules", "CI/CD YAML syntax reference", `only` and `except`.
 */
export function jobCondition(
  root: TopLevel,
  job: string,
  facts: GitlabFacts,
  pipeline: readonly YamlView[],
): Condition {
  const rules = lookUp(root, job, 'rules')
  const only = lookUp(root, job, 'only')
  const except = lookUp(root, job, 'except')
  // Mappings of a job and of what it extends become one.
  const isMixed = ['only', 'except'].some(
    (name) => chainOf(root, job).filter((one) => isThere(root.get(one, name))).length > 1,
  )
  if (isMixed && !isThere(rules)) return notUnderstood
  const own = isThere(rules)
    ? ofRules(rules, facts)
    : {
        is: 'all' as const,
        of: [
          ofOnly(only, facts),
          ...(isThere(except) ? [{ is: 'not' as const, of: ofExcept(except, facts) }] : []),
        ],
      }
  return { is: 'all', of: [own, ...pipeline.map((rules) => ofRules(rules, facts))] }
}

function isThere(view: YamlView): boolean {
  return view.isThere || view.isList || view.isMap
}

/** The first rule that matches decides. */
function ofRules(rules: YamlView, facts: GitlabFacts): Condition {
  const items = rules.items()
  if (items.length === 0 || !rules.isList || items.some((rule) => !rule.isMap || rule.tag === '!reference'))
    return notUnderstood
  return items.reduceRight<Condition>(
    (behind, rule) => {
      const condition = ofRule(rule, facts)
      return rule.get('when').value === 'never'
        ? { is: 'all', of: [{ is: 'not', of: condition }, behind] }
        : { is: 'any', of: [condition, behind] }
    },
    { is: 'any', of: [] },
  )
}

function ofRule(rule: YamlView, facts: GitlabFacts): Condition {
  const text = rule.pair('if') === undefined ? '' : (rule.get('if').value ?? '(')
  const files = ['changes', 'exists'].filter((name) => rule.pair(name) !== undefined)
  return { is: 'all', of: [conditionOf(text, (term) => ofTerm(term, facts)), ...files.map(untoldLeaf)] }
}

const comparison = /^(\$\w{1,200}|"[^"]*"|'[^']*'|null)\s*(==|!=|=~|!~)\s*([^]+)$/

function ofTerm(term: string, facts: GitlabFacts): Condition {
  const [, left = term, sign, right] = comparison.exec(term) ?? []
  if (sign === undefined || right === undefined)
    return /^\$\w{1,200}$/.test(term)
      ? told(term, kindOf(term) === 'tags' || kindOf(term) === 'heads' ? ['*'] : [], (run) =>
          isSaid(valueOf(term, run, facts)),
        )
      : notUnderstood
  const isTurned = sign.startsWith('!')
  if (sign.endsWith('~')) {
    const pattern = textPattern(right.trim(), facts)
    const condition = told(left, pattern.text === undefined || isTurned ? [] : [pattern.text], (run) => {
      const is = pattern.matches(valueOf(left, run, facts))
      return isTurned ? not(is) : is
    })
    const [ref] = condition.refs
    return pattern.isWider === true && ref !== undefined
      ? { ...condition, wider: { ref, than: right.trim() } }
      : condition
  }
  if (!/^(?:\$\w{1,200}|"[^"]*"|'[^']*'|null)$/.test(right)) return notUnderstood
  const [name, other] = right.startsWith('$') && !left.startsWith('$') ? [right, left] : [left, right]
  const named = other === '$CI_DEFAULT_BRANCH' ? facts.repository.defaultBranch : other.slice(1, -1)
  return told(name, /^[\w./-]{1,200}$/.test(named) && !isTurned ? [named] : [], (run) => {
    const is = isEqual(valueOf(left, run, facts), valueOf(right, run, facts))
    return isTurned ? not(is) : is
  })

  function told(variable: string, names: readonly string[], at: Leaf['at']): Leaf {
    const kind = kindOf(variable)
    const kinds = kind === 'either' ? ['heads', 'tags'] : kind === undefined ? [] : [kind]
    return leaf(
      at,
      kinds.flatMap((one) => names.map((text) => `refs/${one}/${text}`)),
    )
  }
}

function kindOf(variable: string): 'heads' | 'tags' | 'either' | undefined {
  if (variable === '$CI_COMMIT_TAG') return 'tags'
  if (variable === '$CI_COMMIT_BRANCH') return 'heads'
  return variable === '$CI_COMMIT_REF_NAME' ? 'either' : undefined
}

function valueOf(text: string, { event, ref }: Run, { repository, isGuarded }: GitlabFacts): Words {
  if (!text.startsWith('$')) return exact(text === 'null' ? '' : text.slice(1, -1))
  const kind = kindOf(text)
  if (kind !== undefined) return refWords(kind, event, ref)
  if (text === '$CI_PIPELINE_SOURCE') return exact(event)
  if (text === '$CI_DEFAULT_BRANCH') return exact(repository.defaultBranch)
  if (text === '$CI_COMMIT_REF_PROTECTED') return isGuarded ? exact('true') : unknown
  if (text.startsWith('$CI_MERGE_REQUEST_')) return event === mergeRequest ? untold : exact('')
  if (text === '$CI_PROJECT_PATH') return repository.path === 'OWNER/NAME' ? untold : exact(repository.path)
  // What the token, or the place, says in a way that is not looked at here.
  return /^\$(?:CI_(?:COMMIT_REF_\w+|EXTERNAL_PULL_REQUEST_\w+|ENVIRONMENT_\w+|TRIGGER\w*|PIPELINE_TRIGGERED)|GITLAB_USER_\w+)$/.test(
    text,
  )
    ? unknown
    : untold
}

function refWords(kind: 'heads' | 'tags' | 'either', event: string, ref: string): Words {
  if (event === mergeRequest) return kind === 'either' ? unknown : exact('')
  const [, own, name] = /^refs\/(heads|tags)\/(.*)$/.exec(ref) ?? []
  if (own === undefined || name === undefined) return unknown
  if (kind !== 'either' && kind !== own) return exact('')
  return name === '*' ? { is: 'prefix', text: '' } : wordsOf(name)
}

function ofOnly(only: YamlView, facts: GitlabFacts): Condition {
  if (!isThere(only)) return { is: 'any', of: [ofName('branches', facts), ofName('tags', facts)] }
  const refs = only.isMap ? only.get('refs') : only
  const names = isThere(refs) ? refs.texts().map(({ value }) => value) : ['branches', 'tags']
  const isWhole = !isThere(refs) || refs.value !== undefined || refs.items().length === names.length
  return {
    is: 'all',
    of: [
      isWhole ? { is: 'any', of: names.map((name) => ofName(name, facts)) } : notUnderstood,
      ...(only.isMap ? beside(only, facts) : []),
    ],
  }
}

function ofExcept(except: YamlView, facts: GitlabFacts): Condition {
  const refs = except.isMap ? except.get('refs') : except
  const names = refs.texts().map(({ value }) => value)
  const isWhole = !isThere(refs) || refs.value !== undefined || refs.items().length === names.length
  return {
    is: 'any',
    of: [
      ...(isWhole ? names.map((name) => ofName(name, facts)) : [notUnderstood]),
      ...(except.isMap ? beside(except, facts) : []),
    ],
  }
}

function beside(view: YamlView, facts: GitlabFacts): Condition[] {
  const variables = view.get('variables').texts()
  return [
    ...(view.pair('variables') === undefined
      ? []
      : [
          {
            is: 'any' as const,
            of: variables.map(({ value }) => conditionOf(value, (term) => ofTerm(term, facts))),
          },
        ]),
    ...['changes', 'kubernetes'].filter((name) => view.pair(name) !== undefined).map(untoldLeaf),
  ]
}

function ofName(name: string, facts: GitlabFacts): Condition {
  if (name === 'branches') return ofTerm('$CI_COMMIT_BRANCH', facts)
  if (name === 'tags') return ofTerm('$CI_COMMIT_TAG', facts)
  const event = sources[name]
  if (event !== undefined) return leaf((run) => (run.event === event ? holds : fails))
  if (name.startsWith('/')) return ofTerm(`$CI_COMMIT_REF_NAME =~ ${name}`, facts)
  // `chat`, `external`: kinds of pipelines that no role trusts; `name@group/project`.
  return /^[\w./-]{1,200}$/.test(name) && !/^(?:chat|external)$/.test(name)
    ? ofTerm(`$CI_COMMIT_REF_NAME == "${name}"`, facts)
    : leaf(() => unsure)
}

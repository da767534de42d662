import {
  beginsWith,
  conditionOf,
  either,
  endsWith,
  exact,
  includes,
  isEqual,
  isSaid,
  leaf,
  not,
  notUnderstood,
  unknown,
  untold,
  untoldLeaf,
  wordsOf,
  type Condition,
  type Outcome,
  type Run,
  type Words,
} from '../conditions/index.ts'
import type { RepositoryFacts } from '../model.ts'

const path = String.raw`[A-Za-z_][\w-]*(?:\.[A-Za-z_*][\w-]*|\['[^']*'\])*`
const operand = String.raw`'(?:[^']|'')*'|true|false|null|${path}`
const comparison = new RegExp(`^(${operand})\\s*(==|!=)\\s*(${operand})$`)
const call = new RegExp(
  `^(startsWith|endsWith|contains)\\(\\s*(${operand})\\s*,\\s*(${operand})\\s*\\)(?:\\s*(==|!=)\\s*(true|false))?$`,
  'i',
)
const alone = new RegExp(`^(?:${operand})$`)
const status = /^(?:success|always|failure|cancelled)\(\s*\)$/i

/** The condition of a job or step: https://docs.github.com/actions/reference/evaluate-expressions-in-workflows-and-actions */
export function githubCondition(text: string | undefined, repository: RepositoryFacts): Condition {
  const own = (text ?? '').trim()
  const inner = /^\$\{\{([^]*)\}\}$/.exec(own)?.[1] ?? own
  // Beside other words an expression makes a text, and a text holds.
  if (inner.includes('${{') || inner.includes('}}')) return notUnderstood
  return conditionOf(inner, (term) => termOf(term, repository))
}

function termOf(term: string, repository: RepositoryFacts): Condition {
  if (status.test(term)) return leaf(() => either)
  const wordsAt = (text: string, run: Run) => folded(valueOf(text, run, repository))
  const [, left, sign, right] = comparison.exec(term) ?? []
  if (left !== undefined && right !== undefined)
    return told(term, refsOf([left, right], '', repository), (run) => {
      const is = isEqual(wordsAt(left, run), wordsAt(right, run))
      return sign === '!=' ? not(is) : is
    })
  const [, name = '', first, second, comparedBy, compared] = call.exec(term) ?? []
  if (first !== undefined && second !== undefined) {
    const isTurned = (comparedBy === '!=') !== (compared === 'false')
    return told(term, refsOf([first, second], name.toLowerCase(), repository), (run) => {
      const is = called(name.toLowerCase(), wordsAt(first, run), wordsAt(second, run))
      return isTurned ? not(is) : is
    })
  }
  if (alone.test(term)) return told(term, [], (run) => isSaid(wordsAt(term, run)))
  return readsRun.test(term) ? notUnderstood : untoldLeaf(term)
}

const readsRun = /\b(?:github|inputs)\b/i
/** What the event brings, or whoever starts it by hand gives: a token names the event alone. */
const ofContent = /\b(?:github\.event\.(?!repository\.)|inputs\.)\w/i

function told(term: string, refs: readonly string[], at: (run: Run) => Outcome): Condition {
  if (ofContent.test(term)) return leaf(at, refs, term)
  return readsRun.test(term) || !/[A-Za-z_]/.test(term.replaceAll(/'[^']*'|true|false|null/g, ''))
    ? leaf(at, refs)
    : untoldLeaf(term)
}

function called(name: string, one: Words, other: Words): Outcome {
  if (one.is === 'untold' || other.is === 'untold')
    return one.is === 'unknown' || other.is === 'unknown' ? { canHold: false, canFail: false } : either
  if (other.is !== 'exact') return { canHold: false, canFail: false }
  if (name === 'startswith') return beginsWith(one, other.text)
  return name === 'endswith' ? endsWith(one, other.text) : includes(one, other.text)
}

/** GitHub compares texts without regard to case. */
function folded(words: Words): Words {
  return 'text' in words ? { ...words, text: words.text.toLowerCase() } : words
}

/** Contexts that say nothing of what started the run. */
const ofTheRun =
  /^github\.(?:event\.repository\.|(?:run_(?:attempt|id|number)|server_url|api_url|job|workflow|sha|token)$)/
/** What an event brings, and which one it is. What another one does not have is empty. */
const payloads: Readonly<Record<string, RegExp>> = {
  release: /^release$/,
  pull_request: /^pull_request(?:_target|_review|_review_comment)?$/,
  inputs: /^workflow_(?:dispatch|call)$/,
  action: /^(?:release|pull_request\w*)$/,
  head_commit: /^push$/,
}

function valueOf(text: string, { event, ref }: Run, repository: RepositoryFacts): Words {
  if (text.startsWith("'")) return exact(text.slice(1, -1).replaceAll("''", "'"))
  // Compared with a text they are the number 0, as an empty one is.
  if (text === 'false' || text === 'null') return exact('')
  // Of texts nobody writes, none is equal to it.
  if (text === 'true') return exact('\u0000true')
  const name = text.replaceAll(/\['([^']*)'\]/g, '.$1').toLowerCase()
  const [, payload] = /^(?:github\.event\.(\w+)(?:\.|$)|inputs\.)/.exec(name) ?? []
  const { path: own, defaultBranch } = repository
  const isKnown = own !== 'OWNER/NAME'
  switch (name) {
    case 'github.event_name':
      return exact(event)
    case 'github.ref':
      return wordsOf(ref)
    case 'github.ref_name':
      return /^refs\/(?:heads|tags)\//.test(ref)
        ? wordsOf(ref.replace(/^refs\/(?:heads|tags)\//, ''))
        : unknown
    case 'github.ref_type':
      return ref.startsWith('refs/tags/')
        ? exact('tag')
        : ref.startsWith('refs/heads/')
          ? exact('branch')
          : unknown
    case 'github.head_ref':
    case 'github.base_ref':
      return event.startsWith('pull_request') ? unknown : exact('')
    case 'github.repository':
      return isKnown ? exact(own) : untold
    case 'github.repository_owner':
      return isKnown ? exact(own.split('/')[0] ?? '') : untold
    case 'github.event.repository.default_branch':
      return exact(defaultBranch)
  }
  if (ofTheRun.test(name)) return untold
  if (name.startsWith('github.') || name === 'github' || name.startsWith('inputs')) {
    const events = payloads[name.startsWith('inputs.') ? 'inputs' : (payload ?? '')]
    return events === undefined ? unknown : events.test(event) ? untold : exact('')
  }
  return untold
}

/** Refs that a term names. Where it leaves them out instead, nothing comes of it: each is held against the whole condition. */
function refsOf(operands: readonly string[], name: string, { defaultBranch }: RepositoryFacts): string[] {
  const joined = operands.join(' ').toLowerCase()
  const more = name === '' ? '' : '*'
  const texts = operands.flatMap((one) =>
    one.startsWith("'") ? [one.slice(1, -1)] : /default_branch$/i.test(one) ? [defaultBranch] : [],
  )
  return texts
    .filter((text) => /^[\w./@+-]{1,200}$/.test(text))
    .flatMap((text) => {
      if (/github\.ref_type\b/.test(joined)) return text === 'tag' ? ['refs/tags/*'] : []
      if (/github\.ref_name\b/.test(joined))
        return name === '' || name === 'startswith'
          ? [`refs/heads/${text}${more}`, `refs/tags/${text}${more}`]
          : []
      return /github\.ref\b/.test(joined) && text.startsWith('refs/') ? [`${text}${more}`] : []
    })
}

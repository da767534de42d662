import type { Entry, IdentityToken, Job, Reference, Runner, Step, Text, Trigger } from '../model.ts'
import { jobOf, optional, stepOf, type FileParts } from './file-parts.ts'
import { gitlabIncludes } from './gitlab-includes.ts'
import { imageReference } from './references.ts'
import type { YamlView } from './yaml-view.ts'

/** Names at the top of a file that are no jobs: https://docs.gitlab.com/ci/yaml/ */
const keywords = new Set([
  ...['default', 'include', 'stages', 'types', 'variables', 'workflow', 'spec', 'image', 'services', 'cache'],
  ...['before_script', 'after_script'],
])
const phases = ['before_script', 'script', 'after_script'] as const
const maxHops = 10

/** `.gitlab-ci.yml`, or a file that one includes. The documents before the last one are headers (`spec`). */
export function readGitlab(root: YamlView): FileParts {
  const pairs = root.pairs().filter(({ key, value }) => !keywords.has(key.value) && value.isMap)
  const look = createLookup(root)
  return {
    role: 'pipeline',
    triggers: triggersOf(root.get('workflow')),
    environment: variablesOf(root.get('variables')),
    jobs: pairs.map(({ key, value, span }) => readJob(root, look(value), key, span)),
    references: [...gitlabIncludes(root.get('include')), ...imagesOf((name) => firstOf(root, name))],
  }
}

function firstOf(root: YamlView, name: string): YamlView {
  const own = root.get('default', name)
  return own.isThere ? own : root.get(name)
}

/** The value of a key of a job: its own, else that of what it extends, the last one first. */
type Look = (name: string) => YamlView

function createLookup(root: YamlView): (job: YamlView) => Look {
  const find = (job: YamlView, name: string, seen: readonly string[]): YamlView => {
    const own = job.get(name)
    if (own.isThere || own.isMap || own.isList) return own
    for (const { value } of job.get('extends').texts().toReversed()) {
      if (seen.includes(value) || seen.length >= maxHops) continue
      const found = find(root.get(value), name, [...seen, value])
      if (found.isThere) return found
    }
    return own
  }
  return (job) => (name) => find(job, name, [])
}

function readJob(root: YamlView, look: Look, key: Text, span: Job['span']): Job {
  const environment = look('environment')
  return jobOf({
    id: key.value,
    key: key.span,
    span,
    ...optional('runner', runnerOf(tagsOf(root, look))),
    images: imagesOf(look),
    environment: variablesOf(look('variables')),
    identityTokens: tokensOf(look('id_tokens')),
    ...optional('uses', gitlabIncludes(look('trigger').get('include'))[0]),
    triggers: [...triggersOf(look('only')), ...triggersOf(look('rules'))],
    ...optional('deployment', environment.text ?? environment.get('name').text),
    needs: look('needs')
      .items()
      .flatMap((one) => one.value ?? one.get('job').value ?? []),
    isTemplate: key.value.startsWith('.'),
    steps: phases.flatMap((phase) => stepsOf(root, look, phase)),
  })
}

/** Its own, or those of all jobs: https://docs.gitlab.com/ci/yaml/#default , #inherit */
function tagsOf(root: YamlView, look: Look): YamlView {
  const own = look('tags')
  const inherit = look('inherit').get('default')
  const isLeftOut = inherit.isList
    ? !inherit.texts().some(({ value }) => value === 'tags')
    : inherit.value === 'false'
  return own.isThere || isLeftOut ? own : root.get('default', 'tags')
}

function stepsOf(root: YamlView, look: Look, phase: (typeof phases)[number]): Step[] {
  const own = look(phase)
  const view = own.isThere || phase === 'script' ? own : firstOf(root, phase)
  if (!view.isThere) return []
  return [stepOf({ span: view.span, phase, commands: commandsOf(root, view, 0), script: view.span })]
}

/** Lists within lists, and `!reference [JOB, KEY]`, which stands for what another job says. */
function commandsOf(root: YamlView, view: YamlView, hops: number): Text[] {
  if (hops > maxHops) return []
  if (view.tag === '!reference') {
    const path = view.texts().map(({ value }) => value)
    return path.length === 0 ? [] : commandsOf(root, root.get(...path), hops + 1)
  }
  if (!view.isList) return view.texts()
  return view.items().flatMap((one) => (one.isList ? commandsOf(root, one, hops + 1) : one.texts()))
}

/** A variable is a text, or a mapping with its `value`. */
function variablesOf(view: YamlView): Entry[] {
  return view.pairs().map(({ key, value, span }) => ({
    key,
    value: value.text ?? value.get('value').text,
    span,
  }))
}

function imagesOf(look: Look): Reference[] {
  return [look('image'), ...look('services').items()]
    .flatMap((one) => one.text ?? one.get('name').text ?? [])
    .map(imageReference)
}

function tokensOf(view: YamlView): IdentityToken[] {
  return view.pairs().map(({ key, value, span }) => ({
    span,
    name: key.value,
    audiences: value
      .get('aud')
      .texts()
      .map((one) => one.value),
  }))
}

function runnerOf(view: YamlView): Runner | undefined {
  if (!view.isThere) return undefined
  const labels = view.texts().map(({ value }) => value)
  const isHosted = labels.length > 0 && labels.every((label) => /^(?:saas-|gitlab-org)/.test(label))
  return { labels, span: view.span, selfHosted: isHosted ? false : undefined }
}

const source = /\$CI_PIPELINE_SOURCE\s*==\s*["']([a-z_]{1,40})["']/g
const mergeRequest = /\$CI_MERGE_REQUEST_(?:ID|IID)\b/

/** From `rules`, `only` and `workflow`: which kinds of pipelines they speak of. */
function triggersOf(view: YamlView): Trigger[] {
  const conditions = [...view.get('rules').items(), ...(view.isList ? view.items() : [])]
  const ofRules = conditions.flatMap((one): Trigger[] => {
    const { value, span } = one.get('if').text ?? { value: '', span: one.span }
    const named = [...value.matchAll(source)].map(([, name = '']) => ({ name, span }))
    return mergeRequest.test(value) ? [...named, { name: 'merge_request_event', span }] : named
  })
  const refs = view.get('refs').isThere ? view.get('refs') : view
  const ofOnly = refs.texts().filter(({ value }) => value === 'merge_requests')
  return [...ofRules, ...ofOnly.map(({ span }) => ({ name: 'merge_request_event', span }))]
}

import type { PipelineFile } from '../../model.ts'
import { readYamlFile } from '../../read/yaml-document.ts'
import type { YamlView } from '../../read/yaml-view.ts'
import type { Edit } from '../edits.ts'
import { indentTo, lineBreak, lineStart, within } from '../lines.ts'
import type { Migration, Project, TrustRule } from '../model.ts'
import { unknownEnvironment } from '../policy.ts'
import { moveScripts, unique, type Place } from '../scripts/move-script.ts'

/** A step, and the lists of the file that run it (`branches main`). */
interface Home {
  readonly step: YamlView
  readonly lists: string[]
  /** Another step has its script by `<<`. */
  isMerged?: boolean
}

const maxNested = 5

/** Moves `bitbucket-pipelines.yml`. */
export function migrateBitbucket(file: PipelineFile, project: Project): Migration {
  const root = readYamlFile(file.text).views[0]
  if (root === undefined) return moveScripts(file, [], project, [])
  const homes = homesOf(root)
  const patterns = root
    .get('pipelines', 'branches')
    .pairs()
    .map(({ key }) => key.value)
  const places = homes.map((home) => placeOf(file, home, patterns, project))
  return moveScripts(file, places, project, [
    'a step’s image must have Mayfly, and let it make a sandbox: docs/ci.md, Isolation',
  ])
}

function homesOf(root: YamlView): Home[] {
  const homes = new Map<number, Home>()
  const add = (step: YamlView, name: string | undefined) => {
    const script = step.get('script')
    if (!script.isList) return
    const known = homes.get(script.span.start)
    if (known === undefined) homes.set(script.span.start, { step, lists: name === undefined ? [] : [name] })
    else if (name !== undefined) known.lists.push(name)
    if (known !== undefined && step.pair('script')?.isMerged === true) known.isMerged = true
  }
  for (const { value } of root.get('definitions').pairs())
    for (const one of value.items()) add(one.get('step').isMap ? one.get('step') : one, undefined)
  const pipelines = root.get('pipelines')
  for (const { key, value } of pipelines.pairs())
    if (value.isList) for (const step of stepsIn(value, 0)) add(step, key.value)
    else
      for (const { key: pattern, value: list } of value.pairs())
        for (const step of stepsIn(list, 0)) add(step, `${key.value} ${pattern.value}`)
  return [...homes.values()].filter(({ lists }) => lists.length > 0)
}

function stepsIn(list: YamlView, depth: number): YamlView[] {
  if (depth > maxNested) return []
  return list.items().flatMap((one) =>
    one.pairs().flatMap(({ key, value }) => {
      if (key.value === 'step') return [value]
      return stepsIn(value.isList ? value : value.get('steps'), depth + 1)
    }),
  )
}

function placeOf(
  file: PipelineFile,
  { step, lists, isMerged }: Home,
  patterns: readonly string[],
  project: Project,
): Place {
  const script = step.pair('script')
  const commands = step.get('script')
  const references = file.secrets.filter(
    ({ span, store }) => store !== 'deployment' && within(span, step.span),
  )
  const outside = references.find(({ span }) => !within(span, commands.span))
  const place = step.get('deployment').value
  const trust = withEnvironment(trustOf(lists, patterns, project), place)
  const untrusted = lists.find((list) => trustOf([list], patterns, project).any.length === 0)
  const oidc = step.pair('oidc')
  const name = step.get('name').value ?? lists[0] ?? 'step'
  return {
    job: name,
    commands,
    keyAt: script?.span.start ?? step.span.start,
    references,
    own: [],
    above: [],
    variables: [],
    whole: [],
    hasServices: step
      .get('services')
      .texts()
      .some(({ value }) => value !== 'docker'),
    blocked:
      oidc !== undefined
        ? { why: 'it asks for another identity token, and Bitbucket gives a step one alone' }
        : script === undefined || script.isMerged || step.via !== undefined || isMerged === true
          ? { why: 'an anchor brings its commands, or shares them', instead: 'write them out' }
          : outside !== undefined
            ? { why: `${outside.name} is used in its after-script, or by the runner itself` }
            : untrusted === undefined || trust.any.length === 0
              ? undefined
              : {
                  why: `${untrusted} runs it by the same anchor, and no role may trust that`,
                  instead: 'write it out for each',
                },
    trust,
    notes:
      place === undefined
        ? []
        : [
            `its role asks for the deployment environment ${place}, which a token names by its UUID: fill that in`,
          ],
    identity: script === undefined ? [] : [identityEdit(file.text, script.span.start, project.server)],
    // Bitbucket takes bash where the image has it, else sh; only bash says BASH.
    shell: '"${BASH:-sh}" -e',
  }
}

/** The token names a branch, and nothing of a tag, an event or a fork. */
function trustOf(lists: readonly string[], patterns: readonly string[], { repository }: Project): TrustRule {
  // `default` is for branches that none of the patterns has; one with signs of its own may have any.
  const isElsewhere = patterns.some((one) => one === repository.defaultBranch || !/^[\w./-]+$/.test(one))
  const any = lists.flatMap((name) => {
    const branch = /^branches ([\w./-]+)$/.exec(name)?.[1]
    if (branch !== undefined) return [{ ref: `refs/heads/${branch}` }]
    return (name === 'default' && !isElsewhere) || name.startsWith('custom ')
      ? [{ ref: `refs/heads/${repository.defaultBranch}` }]
      : []
  })
  return { all: { issuer: 'bitbucket', repository_id: repository.id ?? 'REPOSITORY_ID' }, any: unique(any) }
}

/** Variables of a deployment environment are for its steps alone. */
function withEnvironment(trust: TrustRule, place: string | undefined): TrustRule {
  return place === undefined
    ? trust
    : { ...trust, any: trust.any.map((one) => ({ ...one, environment: unknownEnvironment })) }
}

function identityEdit(text: string, at: number, server: string): Edit {
  const start = lineStart(text, at)
  const line = `${indentTo(text, at)}oidc: { audiences: [${JSON.stringify(server)}] }${lineBreak(text)}`
  return { start, end: start, text: line, reason: 'the step’s identity token, made for Mayfly alone (oidc)' }
}

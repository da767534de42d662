import type { Entry, PipelineFile } from '../../model.ts'
import { readYamlFile } from '../../read/yaml-document.ts'
import type { YamlView } from '../../read/yaml-view.ts'
import { within } from '../lines.ts'
import { narrowedTo } from '../conditions/index.ts'
import { buildkiteCondition } from './condition.ts'
import { untoldForks } from './forks.ts'
import type { Migration, Project, TrustRule } from '../model.ts'
import { moveScripts, type Place } from '../scripts/move-script.ts'
import type { Why } from '../scripts/script-plan.ts'

const maxNested = 5

/** Moves a pipeline of Buildkite: `mayfly run` asks `buildkite-agent` for the step’s identity token by itself. */
export function migrateBuildkite(file: PipelineFile, project: Project): Migration {
  const root = readYamlFile(file.text).views[0]
  if (root === undefined) return moveScripts(file, [], project, [])
  const above = root.get('env').entries()
  const steps = stepsIn(root.isList ? root : root.get('steps'), [])
  const places = steps.flatMap(({ step, groups }, i) => placesOf(file, step, groups, i, above, project))
  return moveScripts(file, places, project, [
    untoldForks,
    'the agents must have Mayfly, and buildkite-agent on their PATH',
  ])
}

interface Home {
  readonly step: YamlView
  readonly groups: readonly YamlView[]
}

function stepsIn(steps: YamlView, groups: readonly YamlView[]): Home[] {
  if (groups.length > maxNested) return []
  return steps
    .items()
    .flatMap((step) =>
      step.get('steps').isList
        ? stepsIn(step.get('steps'), [...groups, step])
        : step.isMap
          ? [{ step, groups }]
          : [],
    )
}

function placesOf(
  file: PipelineFile,
  step: YamlView,
  groups: readonly YamlView[],
  index: number,
  above: readonly Entry[],
  project: Project,
): Place[] {
  const pair = step.pair('command') ?? step.pair('commands')
  if (pair === undefined) return []
  const references = file.secrets.filter(({ span }) => within(span, step.span))
  const maps = ['env', 'secrets'].flatMap((name) => {
    const found = step.pair(name)
    return found === undefined || found.isMerged || !found.value.isMap ? [] : [{ pair: found, above: step }]
  })
  const label = step.get('key').value ?? step.get('label').value ?? step.get('name').value
  return [
    {
      job: label ?? `step ${index + 1}`,
      commands: pair.value,
      keyAt: pair.span.start,
      references,
      own: maps.flatMap(({ pair: { value } }) => value.entries()),
      above,
      variables: maps,
      whole: [step.span, step.get('plugins').span],
      blocked:
        pair.isMerged || step.isShared || pair.value.isShared
          ? { why: 'an anchor brings its commands, or shares them', instead: 'write them out' }
          : blockedBy(file, step, pair.value, references, maps),
      trust: trustOf([...groups, step], project),
      identity: [],
      shell: 'bash -e',
    },
  ]
}

function blockedBy(
  { text }: PipelineFile,
  step: YamlView,
  commands: YamlView,
  references: PipelineFile['secrets'],
  maps: Place['variables'],
): Why | undefined {
  const plugins = text.slice(step.get('plugins').span.start, step.get('plugins').span.end)
  if (/\b(?:docker|docker-compose|kubernetes)#/.test(plugins))
    return {
      why: 'a plugin runs its commands in a container of its own',
      instead: 'leave the plugin out, and give the agents what it brings',
    }
  const outside = references.find(
    ({ span }) => !within(span, commands.span) && !maps.some(({ pair }) => within(span, pair.span)),
  )
  if (outside !== undefined)
    return {
      why: `${outside.name} is given to a plugin, or fetched for the whole step by a list`,
      instead: 'write secrets as a mapping, and let the script do what the plugin does',
    }
  if (/buildkite-agent\s+\w/.test(text.slice(commands.span.start, commands.span.end)))
    return {
      why: 'its script asks the agent by itself, which no step in Mayfly can',
      instead: 'take that line out',
    }
  // The agent fills these in when it uploads the pipeline: what the script says never reaches the shell.
  const early = references.find(
    ({ span, store }) =>
      store === 'variable' && within(span, commands.span) && !/[$\\]/.test(text[span.start - 1] ?? ''),
  )
  return early === undefined
    ? undefined
    : {
        why: `the agent fills ${early.name} in when it uploads the pipeline, and the secret stands in the pipeline then`,
        instead: `write $$${early.name}`,
      }
}

function trustOf(asked: readonly YamlView[], { repository }: Project): TrustRule {
  const refs = ['refs/tags/*', 'refs/heads/*', `refs/heads/${repository.defaultBranch}`]
  const condition = { is: 'all' as const, of: asked.map(buildkiteCondition) }
  const [tags, branches, own] = refs.map((ref) => narrowedTo({ event: '', ref }, condition))
  // Tags and branches that the step names, or else the default branch.
  const named = [...(tags ?? []), ...(branches ?? [])].filter(
    ({ ref }) => ref !== 'refs/heads/*' && (ref !== 'refs/tags/*' || own?.length === 0),
  )
  const found = [...new Set([...(own ?? []), ...named].map(({ ref }) => ref))]
  return {
    all: { issuer: 'buildkite', repository_id: repository.id ?? 'REPOSITORY_ID' },
    any: found.map((ref) => ({ ref })),
  }
}

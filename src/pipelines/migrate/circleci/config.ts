import type { PipelineFile } from '../../model.ts'
import { readYamlFile } from '../../read/yaml-document.ts'
import type { YamlView } from '../../read/yaml-view.ts'
import { within } from '../lines.ts'
import { refsOf } from './filters.ts'
import type { Migration, Project, TrustRule } from '../model.ts'
import { moveScripts, unique, type Place } from '../scripts/move-script.ts'
import type { Why } from '../scripts/script-plan.ts'

/** Moves `.circleci/config.yml`: each `run` step that has a secret is one `mayfly run`, which asks for a token by itself. */
export function migrateCircleci(file: PipelineFile, project: Project): Migration {
  const root = readYamlFile(file.text).views[0]
  if (root === undefined) return moveScripts(file, [], project, [])
  const places = root
    .get('jobs')
    .pairs()
    .flatMap(({ key, value, isMerged }) => (isMerged ? [] : placesOf(file, root, key.value, value, project)))
  return moveScripts(file, places, project, [
    'an image must have Mayfly, and let it make a sandbox: docs/ci.md, Isolation',
    'tokens for Mayfly alone are made by the program circleci; without it a job has one token, whose audience is the organization (docs/issuers.md, CircleCI), and one mayfly run',
  ])
}

function placesOf(file: PipelineFile, root: YamlView, id: string, job: YamlView, project: Project): Place[] {
  const environment = job.pair('environment')
  const above = environment?.value.entries() ?? []
  const executor = job.get('executor').value ?? job.get('executor', 'name').value ?? ''
  const other = /^(?:win|macos)/i.test(executor) || [job, root.get('executors', executor)].some(isOther)
  return job
    .get('steps')
    .items()
    .flatMap((step): Place[] => {
      const run = step.pair('run')
      if (run === undefined) return []
      const pair = run.value.isMap ? run.value.pair('command') : run
      if (pair === undefined) return []
      const references = file.secrets.filter(({ span }) => within(span, step.span))
      const own = run.value.isMap ? run.value.pair('environment') : undefined
      return [
        {
          job: id,
          unit: id,
          commands: pair.value,
          keyAt: pair.span.start,
          references,
          own: own?.value.entries() ?? [],
          above,
          variables: own === undefined || own.isMerged ? [] : [{ pair: own, above: run.value }],
          whole: [step.span],
          hasServices: job.get('docker').items().length > 1,
          blocked:
            [step, run.value, pair.value, job].some((one) => one.isShared) || run.isMerged || pair.isMerged
              ? { why: 'an anchor brings it, or shares it', instead: 'write it out' }
              : other || run.value.get('shell').isThere
                ? { why: 'it runs in another shell than bash, or on another system than Linux' }
                : run.value.get('background').value === 'true'
                  ? { why: 'it runs beside the steps behind it' }
                  : reachesJob(run.value, pair.value),
          trust: trustOf(root, id, project),
          identity: [],
          // `bash -eo pipefail` is CircleCI’s own way, and Mayfly’s.
          shell: '',
          // Only 2.1 has parameters: https://circleci.com/docs/reference/configuration-reference/#version .
          ...(root.get('version').value === '2.1' ? { heredoc: '\\<<' } : {}),
        },
      ]
    })
}

/** Of a job or an executor that jobs share. */
function isOther(one: YamlView): boolean {
  return (
    ['macos', 'windows', 'shell'].some((name) => one.pair(name) !== undefined) ||
    [one.get('resource_class'), one.get('machine', 'image')].some(({ value }) =>
      /windows|macos/i.test(value ?? ''),
    )
  )
}

/** What a step of Mayfly’s does not have, or does not hand back. */
function reachesJob(run: YamlView, { value = '' }: YamlView): Why | undefined {
  if (run.pair('working_directory') !== undefined)
    return { why: 'it has a working directory of its own', instead: 'write cd into its commands' }
  const said = /\bBASH_ENV\b|\bcircleci(?:-agent)?\s+\w+/.exec(value)?.[0]
  return said === undefined
    ? undefined
    : { why: `${said} is for the job, and no step in Mayfly has it`, instead: 'give it a step of its own' }
}

/** What the workflows say of the job: branches and tags by their names, or by how these begin. */
function trustOf(root: YamlView, id: string, { repository }: Project): TrustRule {
  const any = root
    .get('workflows')
    .pairs()
    .flatMap(({ value }) =>
      value
        .get('jobs')
        .items()
        .flatMap((one) =>
          one.value === id
            ? [refsOf(value, undefined, repository.defaultBranch)]
            : one
                .pairs()
                .flatMap(({ key, value: call }) =>
                  key.value === id ? [refsOf(value, call, repository.defaultBranch)] : [],
                ),
        ),
    )
    .flat()
  return {
    all: {
      issuer: 'circleci',
      repository_id: repository.id ?? 'REPOSITORY_ID',
      // Builds of forks may have the project’s own id.
      repository: `${repository.host.replace('https://', '')}/${repository.path}`,
    },
    any: unique(any.map((ref) => ({ ref }))),
  }
}

import type { Entry, PipelineFile } from '../../model.ts'
import { isIncludedAs } from '../../read/included.ts'
import { readYamlFile } from '../../read/yaml-document.ts'
import type { YamlView } from '../../read/yaml-view.ts'
import type { Why } from '../scripts/script-plan.ts'
import { isOfTheSystem } from '../scripts/system-commands.ts'
import { topLevelOf, type TopLevel } from './top-level.ts'
import { chainOf, lookUp, variablesIn, type Unit } from './unit.ts'

/** Another file that GitLab reads as one with this one. */
export interface Beside {
  readonly path: string
  readonly root: TopLevel
  readonly text: string
}

/**
 * The files that one includes, or that include it, and so on: GitLab makes one of all of them.
 * Source: GitLab documentation, "Use CI/CD configuration from other files".
 */
export function readAsOne(file: PipelineFile, files: readonly PipelineFile[]): PipelineFile[] {
  const found = new Set([file])
  const all = files.filter(({ ci }) => ci === 'gitlab')
  for (const one of found)
    for (const other of all) if (includes(one, other) || includes(other, one)) found.add(other)
  return [...found].filter(({ path }) => path !== file.path)
}

function includes({ references }: PipelineFile, { path }: PipelineFile): boolean {
  return references.some(
    ({ kind, pin, name }) => kind === 'include' && pin === 'local' && isIncludedAs(name, path),
  )
}

/** Files that it takes in, and that nobody has read here. */
export function isTakenFromElsewhere({ references }: PipelineFile, files: readonly PipelineFile[]): boolean {
  return references.some(
    ({ kind, pin, name }) =>
      (kind === 'include' || kind === 'component') &&
      (pin !== 'local' || !files.some(({ path }) => isIncludedAs(name, path))),
  )
}

export function besidesOf(files: readonly PipelineFile[]): Beside[] {
  return files.flatMap(({ path, text }) => {
    const view = readYamlFile(text).views.at(-1)
    return view === undefined ? [] : [{ path, text, root: topLevelOf(view) }]
  })
}

/** Variables that another file gives all jobs; where they stand says nothing of this one. */
export function variablesBeside(all: readonly Beside[]): Entry[] {
  const span = { start: -1, end: -1 }
  return all
    .flatMap(({ root }) => variablesIn(root.get('variables')))
    .map(({ key, value }) => ({
      key: { value: key.value, span },
      value: value === undefined ? undefined : { value: value.value, span },
      span,
    }))
}

/** Rules of the whole pipeline, wherever they stand. */
export function pipelineRules(root: TopLevel, all: readonly Beside[]): YamlView[] {
  return [root, ...all.map((one) => one.root)]
    .map((one) => one.get('workflow', 'rules'))
    .filter((rules) => rules.isThere || rules.isList)
}

/** Why commands cannot be moved in this file alone. */
export function whyNotAlone(root: TopLevel, unit: Unit, all: readonly Beside[]): Why | undefined {
  const names = [...new Set([unit.home, ...unit.users.flatMap(({ job, chain }) => [job.id, ...chain])])]
  for (const { path, root: other, text } of all) {
    const same = names.find((name) => other.pair(name) !== undefined)
    if (same !== undefined)
      return { why: `${path} says something of ${same}, too`, instead: 'write it in one file' }
    const user = other.pairs.find(({ key }) => chainOf(other, key.value).some((one) => names.includes(one)))
    if (user !== undefined)
      return { why: `${user.key.value} of ${path} extends it, and would have its commands` }
    const taken = names.find((name) => takesIn(text, name))
    if (taken !== undefined) return { why: `${path} takes in commands of ${taken} (!reference)` }
    const [before] = [other.get('default', 'before_script'), other.get('before_script')].filter(
      (view) => !view.items().every(({ value }) => value !== undefined && isOfTheSystem(value)),
    )
    if (before !== undefined && unit.users.some(({ job }) => hasShared(root, job.id, 'before_script')))
      return {
        why: `${path} puts commands before it (before_script), which its shell would be without`,
        instead: 'write a before_script of its own in the job',
      }
    const tags = other.get('default', 'tags').texts()
    const strange = tags.find(({ value }) => /windows|macos|mac-os|powershell/i.test(value))
    if (strange !== undefined && unit.users.some(({ job }) => hasShared(root, job.id, 'tags')))
      return { why: `${path} lets it run on ${strange.value}: Mayfly’s sandbox is Linux’s` }
  }
  return undefined
}

/** Does the job have what is for all jobs: nothing of its own, and not left out (https://docs.gitlab.com/ci/yaml/#inherit)? */
function hasShared(root: TopLevel, job: string, name: string): boolean {
  const own = lookUp(root, job, name)
  const inherit = lookUp(root, job, 'inherit').get('default')
  const isLeftOut = inherit.isList
    ? !inherit.texts().some(({ value }) => value === name)
    : inherit.value === 'false'
  return !own.isThere && !own.isList && !isLeftOut
}

function takesIn(text: string, name: string): boolean {
  return [...text.matchAll(/!reference\s*\[\s*(["']?)([^,\]\n]{1,200})\1\s*,/g)].some(
    ([, , one]) => one?.trim() === name,
  )
}

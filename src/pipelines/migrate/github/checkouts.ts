import type { Step } from '../../model.ts'
import type { YamlView } from '../../read/yaml-view.ts'
import type { Project } from '../model.ts'

interface Clone {
  /** Below the workspace; empty for the workspace itself. */
  readonly folder: string
  readonly repository?: string
  readonly branch?: string
}

/**
 * The project as a step has it: the repository and branch that a step before it checked out into the folder that it works in, where the
 * workflow says which.
 */
export function projectAt(project: Project, before: readonly Step[], folder: string): Project {
  const clone = before
    .flatMap((step) => clonesOf(step))
    .findLast((one) => one.folder === folder || (one.folder !== '' && folder.startsWith(`${one.folder}/`)))
  const found = clone ?? before.flatMap((step) => clonesOf(step)).findLast((one) => one.folder === '')
  if (found === undefined) return project
  const { repository } = project
  return {
    ...project,
    repository: {
      ...repository,
      path: found.repository ?? repository.path,
      defaultBranch: found.branch ?? repository.defaultBranch,
    },
  }
}

/** The folder of a clone that the step itself makes and then works in; undefined where it does not. */
export function enteredBy(step: Step): string | undefined {
  const all = step.commands.map(({ value }) => value).join('\n')
  const entered = [
    ...all.matchAll(/(?:\b(?:cd|pushd)|\bgit[ \t]+-C)[ \t]+["']?(?:\.\/)?([\w./-]+?)\/?["']?(?=[\s;&|)]|$)/g),
  ]
  return clonesOf(step).find(({ folder }) => entered.some(([, one]) => one === folder))?.folder
}

/** Where a script works: its own folder, the job's or the workflow's; empty for the workspace, and for what an expression says. */
export function folderOf(root: YamlView, job: YamlView, step: YamlView): string {
  const said =
    step.get('working-directory').value ??
    job.get('defaults', 'run', 'working-directory').value ??
    root.get('defaults', 'run', 'working-directory').value ??
    ''
  return plainFolder(said)
}

function plainFolder(said: string): string {
  return said.includes('$')
    ? ''
    : said
        .replace(/^(?:\.\/)+/, '')
        .replace(/\/+$/, '')
        .replace(/^\.$/, '')
}

const branchName = /^[A-Za-z][\w./-]{0,200}$/

function clonesOf(step: Step): Clone[] {
  if (step.uses?.name.toLowerCase() === 'actions/checkout') {
    const input = (name: string) => step.inputs.find(({ key }) => key.value === name)?.value?.value
    const [repository, ref] = [input('repository'), input('ref')]
    return [
      {
        folder: plainFolder(input('path') ?? ''),
        ...(repository !== undefined && /^[\w.-]+\/[\w.-]+$/.test(repository) ? { repository } : {}),
        ...(ref !== undefined && branchName.test(ref) && !ref.startsWith('refs/') ? { branch: ref } : {}),
      },
    ]
  }
  return step.commands.flatMap(({ value }) =>
    [...value.matchAll(cloned)].map(([, repository = '', folder]): Clone => ({
      folder: plainFolder(folder ?? repository.slice(repository.indexOf('/') + 1)),
      repository,
    })),
  )
}

const cloned =
  /\bgit clone(?:[ \t]+-\S+(?:[ \t]+\d+)?)*[ \t]+["']?https:\/\/(?:[^@/\n]{0,200}@)?[\w.:-]+\/([\w.-]+\/[\w.-]+?)(?:\.git)?\/?["']?(?:[ \t]+["']?([\w./-]+)["']?)?[ \t]*(?=[\n;&|]|$)/g

import { posix } from 'node:path'
import type { CiName, FileRole } from '../model.ts'

/** Where a CI looks for its pipelines, or where people put what these include. */
export interface Place {
  readonly ci: CiName
  readonly folder: string
  /** Folders below it that are looked into. */
  readonly depth: number
  readonly name: RegExp
  readonly role: FileRole
}

const yaml = /\.ya?ml$/
const action = /^action\.ya?ml$/

export const places: readonly Place[] = [
  { ci: 'github', folder: '.github/workflows', depth: 0, name: yaml, role: 'pipeline' },
  { ci: 'github', folder: '.github/actions', depth: 4, name: action, role: 'action' },
  { ci: 'github', folder: '.', depth: 0, name: action, role: 'action' },
  { ci: 'forgejo', folder: '.forgejo/workflows', depth: 0, name: yaml, role: 'pipeline' },
  { ci: 'forgejo', folder: '.forgejo/actions', depth: 4, name: action, role: 'action' },
  { ci: 'forgejo', folder: '.gitea/workflows', depth: 0, name: yaml, role: 'pipeline' },
  { ci: 'gitlab', folder: '.', depth: 0, name: /^\.gitlab-ci\.ya?ml$/, role: 'pipeline' },
  {
    ci: 'azure',
    folder: '.',
    depth: 0,
    name: /^\.?azure-pipelines?(?:[-.][\w.-]*)?\.ya?ml$/,
    role: 'pipeline',
  },
  { ci: 'azure', folder: '.azure-pipelines', depth: 3, name: yaml, role: 'pipeline' },
  { ci: 'azure', folder: '.azuredevops', depth: 3, name: yaml, role: 'pipeline' },
  { ci: 'azure', folder: 'azure-pipelines', depth: 3, name: yaml, role: 'pipeline' },
  { ci: 'buildkite', folder: '.buildkite', depth: 1, name: yaml, role: 'pipeline' },
  { ci: 'buildkite', folder: '.', depth: 0, name: /^buildkite\.ya?ml$/, role: 'pipeline' },
  { ci: 'circleci', folder: '.circleci', depth: 1, name: yaml, role: 'pipeline' },
  { ci: 'bitbucket', folder: '.', depth: 0, name: /^bitbucket-pipelines\.ya?ml$/, role: 'pipeline' },
  ...['.', '.jenkins', 'jenkins', 'ci', '.ci'].map((folder): Place => ({
    ci: 'jenkins',
    folder,
    depth: 0,
    name: /^Jenkinsfile(?:[-._][\w.-]*)?$|\.jenkinsfile$/i,
    role: 'pipeline',
  })),
]

/** Which CI reads a file of this path; undefined if none that is known. */
export function placeOf(path: string): Pick<Place, 'ci' | 'role'> | undefined {
  const [folder, name] = [posix.dirname(path), posix.basename(path)]
  return places.find((place) => {
    const below = place.folder === '.' ? folder : posix.relative(place.folder, folder)
    const depth = below === '' || below === '.' ? 0 : below.split('/').length
    return !below.startsWith('..') && depth <= place.depth && place.name.test(name)
  })
}

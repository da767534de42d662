import { openCheckout } from '../read/checkout-files.ts'
import type { Packages, RegistryPlace } from '../migrate/model.ts'
import { registriesOf } from '../migrate/registry-hosts.ts'
import { packagesOf } from './packages.ts'
import { usesOf, type Use } from './uses.ts'
import { defaultBranchOf, remoteOf, type Remote } from './remotes.ts'

export interface ProjectFacts {
  readonly remote: Remote | undefined
  readonly defaultBranch: string
  readonly packages: Packages
  /** Where its files say that registries are, if not where everybody's are. */
  readonly registries: readonly RegistryPlace[]
}

/** What the files of a checkout say of the project. Follows no link out of it, runs nothing, asks nobody. */
export function surveyProject(folder: string): ProjectFacts {
  const files = openCheckout(folder)
  return {
    ...{ remote: remoteOf(files), defaultBranch: defaultBranchOf(files), packages: packagesOf(files) },
    registries: registriesOf(files),
  }
}

/** The same, and what its files say it uses. */
export function surveyUses(folder: string): ProjectFacts & { readonly uses: readonly Use[] } {
  const facts = surveyProject(folder)
  return { ...facts, uses: usesOf(openCheckout(folder), facts.packages) }
}

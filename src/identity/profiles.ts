import type { IssuerConfig } from '../config/index.ts'
import type { AttributeName } from './identity.ts'
import type { Profile } from './profile.ts'
import { azureDevops } from './profiles/azure-devops.ts'
import { bitbucket } from './profiles/bitbucket.ts'
import { buildkite } from './profiles/buildkite.ts'
import { circleci } from './profiles/circleci.ts'
import { githubActions } from './profiles/github-actions.ts'
import { gitlab } from './profiles/gitlab.ts'
import { googleCloudBuild } from './profiles/google-cloud-build.ts'
import { jenkins } from './profiles/jenkins.ts'
import { kubernetes } from './profiles/kubernetes.ts'
import { oidcWithPins } from './profiles/oidc.ts'
import { spacelift } from './profiles/spacelift.ts'
import { spiffe } from './profiles/spiffe.ts'
import { terraformCloud } from './profiles/terraform-cloud.ts'

const profiles: Readonly<Record<Exclude<IssuerConfig['kind'], 'oidc'>, Profile>> = {
  'azure-devops': azureDevops,
  bitbucket,
  buildkite,
  circleci,
  'github-actions': githubActions,
  gitlab,
  'google-cloud-build': googleCloudBuild,
  jenkins,
  kubernetes,
  spacelift,
  spiffe,
  'terraform-cloud': terraformCloud,
}

export function profileOf(config: IssuerConfig): Profile {
  return config.kind === 'oidc' ? oidcWithPins(config.pins) : profiles[config.kind]
}

/** The owners that this issuer is limited to: the key of its configuration, and the attribute that must have its value. */
export function limitsOf(
  config: IssuerConfig,
): readonly { readonly key: string; readonly attribute: AttributeName; readonly expected: string }[] {
  const written: Readonly<Record<string, unknown>> = config
  return Object.entries(profileOf(config).limits).flatMap(([key, attribute]) => {
    const expected = written[key]
    return typeof expected === 'string' ? [{ key, attribute, expected }] : []
  })
}

/**
 * Of which ids every rule of this issuer must fix one: those of its profile, or none if the issuer itself is limited
 * to one of them, so that its rules need not say it again.
 */
export function pinsOf(config: IssuerConfig): readonly string[] {
  const { pins } = profileOf(config)
  return limitsOf(config).some(({ attribute }) => pins.includes(attribute)) ? [] : pins
}

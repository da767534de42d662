import { numericId } from '../claim-forms.ts'
import type { Profile } from '../profile.ts'

/**
 * Jenkins with the plugin `oidc-provider`. By default `sub` is the URL of the job, and there is nothing immutable.
 * A token without a build is one that Jenkins gives to its own plugins, outside of any job: refused.
 * Versions 96 and earlier can be made to sign for another job (CVE-2025-47884).
 * Source: README of jenkinsci/oidc-provider-plugin.
 */
export const jenkins: Profile = {
  required: ['sub', 'build_number'],
  claims: { subject: 'sub', repository: 'sub' },
  run: { id: 'build_number' },
  pins: ['subject', 'repository'],
  ids: {},
  forms: {},
  limits: {},
  refuse: ({ build_number: build = '' }) =>
    numericId.is(build) ? undefined : 'its build_number is no number',
}

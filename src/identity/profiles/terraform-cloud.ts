import { formOf } from '../../lib/index.ts'
import type { Profile } from '../profile.ts'

const idOf = (prefix: string) =>
  formOf({
    rule: `an id such as ${prefix}-GRNbCjYNpBB6NEH9`,
    is: (text) => new RegExp(`^${prefix}-[A-Za-z0-9]{1,64}$`).test(text),
    fillers: ['x', '', `${prefix}-x`, `${prefix}-`, '-x', '-'],
  })

/**
 * HCP Terraform (Terraform Cloud) and Terraform Enterprise: one issuer for everybody. `event` is the phase, `plan` or
 * `apply`: anybody who may propose code may have a plan run. A test run of a module has no workspace and is refused.
 * Source: HashiCorp documentation, "Workload identity tokens".
 */
export const terraformCloud: Profile = {
  required: [
    'jti',
    'sub',
    'terraform_organization_id',
    'terraform_workspace_id',
    'terraform_run_id',
    'terraform_run_phase',
  ],
  claims: {
    subject: 'sub',
    repository: 'terraform_workspace_name',
    repository_id: 'terraform_workspace_id',
    owner: 'terraform_organization_name',
    owner_id: 'terraform_organization_id',
    event: 'terraform_run_phase',
  },
  run: { id: 'terraform_run_id', job: 'terraform_run_phase' },
  pins: ['repository_id', 'owner_id'],
  ids: { repository: 'repository_id', owner: 'owner_id' },
  forms: {
    repository_id: idOf('ws'),
    owner_id: idOf('org'),
    event: formOf({
      rule: 'in lower case: plan or apply',
      is: (text) => /^[a-z_]+$/.test(text),
      fillers: ['x', ''],
    }),
  },
  limits: { organization_id: 'owner_id' },
}

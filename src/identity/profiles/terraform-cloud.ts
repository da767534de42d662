import type { Profile } from '../profile.ts'

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
  grammars: {
    repository_id: /^ws-[A-Za-z0-9]{1,64}$/,
    owner_id: /^org-[A-Za-z0-9]{1,64}$/,
    event: /^[a-z_]+$/,
  },
  limits: { organization_id: 'owner_id' },
}

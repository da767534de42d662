import { z } from 'zod'
import { audience } from './identity-schema.ts'

export const guid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/

export const azureApp = z
  .strictObject({
    tenant: z.string().regex(guid, 'the id of a tenant (a GUID)'),
    client_id: z.string().regex(guid, 'the id of an application or of a managed identity (a GUID)'),
    scope: z
      .string()
      .regex(
        /^(?:https:\/\/[A-Za-z0-9.*-]{1,253}(?:\/[A-Za-z0-9._/-]{0,200})?|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\/\.default$/,
        'a resource and /.default: https://management.azure.com/.default',
      )
      .optional()
      .describe(
        'What the token is for: `https://management.azure.com/.default`, `https://storage.azure.com/.default`. Of a connection of kind `azure` its grants say it; of kinds `kubernetes` and `oci` it is for AKS and for Azure Container Registry if left out.',
      ),
    audience: audience
      .default('api://AzureADTokenExchange')
      .describe('For whom Mayfly’s identity token is, as the federated credential says.'),
    authority: z
      .string()
      .regex(
        /^(?:https:\/\/[a-z0-9.-]{1,253}|http:\/\/127\.0\.0\.1)(?::[0-9]{1,5})?$/,
        'https:// and a host (http:// only on 127.0.0.1): a credential is not asked for in the clear',
      )
      .default('https://login.microsoftonline.com')
      .describe('Where Microsoft Entra ID is: another host for sovereign clouds.'),
  })
  .describe(
    'Access tokens of Microsoft Entra ID for Mayfly’s own OIDC identity, by a federated credential of an application or a managed identity. No secret is kept anywhere. They end by their expiry, an hour mostly: nobody can end one before.',
  )

import type { Known } from './replacement.ts'

/** Keys to clouds, and to what is deployed to. */
export const clouds: readonly Known[] = [
  {
    names:
      /(?:^|_)AWS_(?:.*_)?(?:ACCESS_KEY(?:_ID)?|SECRET(?:_ACCESS)?(?:_KEY)?|SESSION_TOKEN|CREDENTIALS|KEY_ID)(?:_\w+)?$/,
    uses: /^(?:aws-actions\/configure-aws-credentials|jakejarvis\/s3-sync-action|circleci\/aws-\w[\w-]*|atlassian\/aws-\w[\w-]*)$/i,
    input: /^(?:aws[-_]access[-_]key[-_]id|aws[-_]secret[-_]access[-_]key|aws[-_]session[-_]token)$/i,
    replacement: {
      id: 'aws',
      what: 'a key of an AWS account',
      connection: 'aws',
      credentials: ['aws-role'],
      grant: 'aws:call aws/s3:PutObject/BUCKET/*',
      how: 'Mayfly assumes the role for each step and signs its requests in the gateway; `aws`, the SDKs and Terraform stay as they are inside `mayfly run`',
      revoke: 'IAM, the user’s security credentials: deactivate, then delete',
      isCloudKey: true,
    },
  },
  {
    names:
      /^GOOGLE_(?:.*_)?(?:CREDENTIALS(?:_JSON)?|KEY)$|(?:^|_)(?:GCP|GCLOUD|GKE|GOOGLE_CLOUD)_(?:.*_)?(?:KEY|CREDENTIALS|JSON|SECRET)$|(?:^|_)FIREBASE_(?:SERVICE_ACCOUNT|TOKEN)|(?:^|_)SERVICE_ACCOUNT_(?:KEY|JSON)$/,
    uses: /^google-github-actions\/(?:auth|setup-gcloud|deploy-\w+)$/i,
    input: /^(?:credentials_json|service_account_key|credentials)$/,
    replacement: {
      id: 'gcp',
      what: 'a key of a Google Cloud service account',
      connection: 'gcp',
      credentials: ['gcp-service-account'],
      grant: 'gcp:call gcp/storage/*',
      how: 'Mayfly gets a token for each step by workload identity federation; `gcloud`, the SDKs and Terraform stay as they are inside `mayfly run`',
      revoke: 'IAM, Service accounts, Keys',
      isCloudKey: true,
    },
  },
  {
    names:
      /(?:^|_)AZURE_(?:.*_)?(?:CREDENTIALS|CLIENT_SECRET|PASSWORD|SECRET|ACCESS_KEY|STORAGE_KEY|CONNECTION_STRING|PUBLISH_PROFILE|API_TOKEN|SP_\w+)(?:_\w+)?$|^ARM_(?:CLIENT_SECRET|ACCESS_KEY|SAS_TOKEN)$/,
    uses: /^azure\/(?:login|webapps-deploy|functions-action|aks-set-context)$/i,
    input: /^(?:creds|client-secret|publish-profile)$/,
    replacement: {
      id: 'azure',
      what: 'a secret of an Azure application',
      connection: 'azure',
      credentials: ['azure-app'],
      grant: 'azure:call azure/arm/*',
      how: 'Mayfly gets a token for each step by a federated credential; `az`, the SDKs and Terraform stay as they are inside `mayfly run`',
      revoke: 'Entra ID, App registrations, Certificates & secrets',
      isCloudKey: true,
    },
  },
  {
    names:
      /(?:^|_)(?:DIGITALOCEAN|DO|HCLOUD|HETZNER|LINODE|SCALEWAY|SCW|OVH|VULTR)_(?:.*_)?(?:TOKEN|KEY|SECRET)$/,
    replacement: {
      id: 'cloud-api',
      what: 'a key to a cloud’s API',
      connection: 'http',
      credentials: ['bearer'],
      grant: 'http:post cloud/v2/*',
      how: 'the gateway adds the token for the paths that the role grants; the tool runs inside `mayfly run` with any word for a token',
      revoke: 'the cloud’s console, API tokens',
      isCloudKey: true,
    },
  },
  {
    names:
      /KUBE_?CONFIG|(?:^|_)(?:K8S|KUBE|KUBERNETES|OPENSHIFT)_(?:.*_)?(?:TOKEN|SECRET|CREDENTIALS|PASSWORD)$/,
    uses: /^(?:azure\/k8s-set-context|redhat-actions\/oc-login|actions-hub\/kubectl)$/i,
    replacement: {
      id: 'kubernetes',
      what: 'access to a Kubernetes cluster',
      connection: 'kubernetes',
      credentials: ['kubernetes-token'],
      grant: 'k8s:apply cluster/NAMESPACE/deployments.apps/*',
      how: 'Mayfly asks the cluster for a token of minutes; `kubectl`, `helm` and `kustomize` stay as they are inside `mayfly run`, which makes their kubeconfig',
      revoke:
        'the service account’s token secrets in the cluster, or the user’s certificate by rotating its role binding',
    },
  },
  {
    names:
      /(?:^|_)(?:SSH|AUR|DEPLOY|DEPLOYMENT|SERVER_SSH|RSA|ED25519)_(?:.*_)?(?:KEY|KEY_FILE|PASSPHRASE|PASSWORD|RSA)$|^(?:ID_RSA|SSH_KEY|PRIVATE_KEY)$|^SSH KEY /,
    uses: /^(?:webfactory\/ssh-agent|shimataro\/ssh-key-action|appleboy\/(?:ssh|scp)-action|burnett01\/rsync-deployments|easingthemes\/ssh-deploy|atlassian\/(?:ssh-run|rsync-deploy|scp-deploy))$/i,
    input: /key|password|passphrase/i,
    replacement: {
      id: 'ssh',
      what: 'a private key of SSH',
      connection: 'ssh',
      credentials: ['ssh-certificate', 'ssh-key'],
      grant: 'ssh:exec host/USER/systemctl restart app',
      how: 'Mayfly signs a certificate of minutes and the gateway logs in; `ssh`, `scp` and `rsync` stay as they are inside `mayfly run`. A key that is for a Git host goes by a connection of kind git',
      revoke: 'authorized_keys of the host, or the deploy keys of the Git host',
    },
  },
]

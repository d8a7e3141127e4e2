{{ dated_versions(ref('customer_history'), 'customer_id', ['country', 'loyalty_level']) }}
